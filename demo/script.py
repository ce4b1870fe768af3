"""The demo's script: customers in a dozen markets, what they write, and the answers."""

from dataclasses import dataclass

BUSINESS = "Luma Coffee Roasters"
DIGITS = "15550102030"
TIMEZONE = "America/New_York"
# Nothing is issued for a seller without an address.
SELLER_ADDRESS = "1 Example Street\nSpringfield, IL 62701"


@dataclass(frozen=True, slots=True)
class Person:
    """A customer with a simulated phone."""

    name: str
    digits: str


PEOPLE = [
    Person("Sarah Whitfield", "14155550131"),
    Person("Marcus Bell", "16465550178"),
    Person("Emily Tran", "14165550112"),
    Person("Priya Nair", "919820012345"),
    Person("Rohan Mehta", "919910054321"),
    Person("Ananya Iyer", "918041234567"),
    Person("Camila Souza", "5511987654321"),
    Person("Rafael Lima", "5521976543210"),
    Person("Lukas Brandt", "4915112345678"),
    Person("Hannah Vogel", "4917098765432"),
    Person("Oliver Hughes", "447400123456"),
    Person("Charlotte Reid", "447700900123"),
    Person("Chloé Martin", "33612345678"),
    Person("Lucía Fernández", "34612345678"),
    Person("Giulia Rossi", "393331234567"),
    Person("Diego Ramírez", "525512345678"),
    Person("Valentina Gómez", "573001234567"),
    Person("Putri Wulandari", "628121234567"),
    Person("Adaeze Okafor", "2348031234567"),
    Person("Thabo Nkosi", "27821234567"),
    Person("Layla Haddad", "971501234567"),
    Person("Omar Al-Farsi", "966501234567"),
    Person("Yael Cohen", "972521234567"),
    Person("Yuki Tanaka", "819012345678"),
    Person("Sofie de Vries", "31612345678"),
    Person("Matías Rojas", "56912345678"),
    Person("Ayşe Demir", "905321234567"),
    Person("Nina Kowalska", "48512345678"),
]

# Question of a customer, answer of the business.
EXCHANGES = [
    (
        "Hi! Do you ship the Ethiopia Yirgacheffe abroad?",
        "We do! Three to six days, and it is roasted the day before it leaves.",
    ),
    (
        "My order says delivered but I can't find the dispatch 😕",
        "Oh no. Let me check with the courier, one moment please.",
    ),
    (
        "Which grind should I take for a moka pot?",
        "Medium-fine, a touch coarser than espresso. I can grind it for you.",
    ),
    (
        "Can I change my subscription to every two weeks?",
        "Done! Your next bag leaves on Thursday, then every two weeks.",
    ),
    ("Is the decaf water processed?", "Yes, Swiss Water, from Huila. It is our quiet bestseller."),
    ("Do you have a gift card?", "We do: 25, 50 or 100. Shall I send you a link?"),
    (
        "The last bag was fantastic, thank you ☕️",
        "That makes our day! The next harvest lands in two weeks.",
    ),
    (
        "Could you send me an invoice with our company's name?",
        "Of course. Which name and VAT number should be on it?",
    ),
    (
        "How long does an opened bag stay fresh?",
        "Three to four weeks, closed and away from light. Please not in the fridge!",
    ),
    ("Are you open on Saturday?", "Yes, from 9 to 4. The cupping starts at 11, come by!"),
    (
        "I'd like to order 5 kg for our office",
        "Happy to! Espresso or filter? For 5 kg there are 12 % off.",
    ),
    ("Any oat milk recommendation?", "We like the barista ones. They foam well with our Brazil."),
]
THANKS = [
    "Perfect, thank you!",
    "Great, thanks 🙏",
    "You are the best.",
    "Super, danke!",
    "Obrigada!",
    "Thanks, that helps a lot.",
]

CANNED = {
    "hours": "The roastery is open Monday to Friday from 8 to 18, and on Saturday from 9 to 14.",
    "shipping": "Hi {name}, orders leave us within two days and take about three more.",
    "thanks": "Thank you, {name}! Enjoy the coffee.",
}
# Label -> positions in PEOPLE of customers who have it.
LABELS = {"wholesale": (1, 6), "subscription": (0, 4, 8), "complaint": (2,)}
NOTE = "Her last order arrived late: offer free shipping on the next one."

BROADCAST = "New harvest, to everybody"

TEMPLATES = [
    (
        "hello_world",
        "utility",
        "Hello! This is a message from Luma Coffee Roasters. It shows that your connection works.",
        [],
    ),
    (
        "order_shipped",
        "utility",
        "Hi {{1}}, your order {{2}} is on its way. It should arrive in three days.",
        ["Ann", "L-1001"],
    ),
    (
        "new_harvest",
        "marketing",
        "{{1}}, the new harvest is here: washed Ethiopia, 84 points, limited to 300 bags.",
        ["Ann"],
    ),
    (
        "order_status_update",
        "utility",
        "News of your order {{1}}: {{2}} Your Luma Coffee Roasters",
        ["#1001", "It is packed."],
    ),
    ("login_code", "authentication", "{{1}} is your verification code.", ["123456"]),
]
