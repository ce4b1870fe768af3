"""The team: founding, invitations, roles, seats and the last owner."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.db.utils import IntegrityError
from django.test import Client
from django.utils import timezone

from accounts import api_keys, team
from accounts.audit import record
from accounts.models import ApiKey, AuditEntry, Business, Invitation, Membership, User
from core import outbox
from core.errors import BadInput, NotAllowed, NotYours
from core.models import Email
from core.tenancy import scope, system
from hosting.models import Message, Number, SimulatedPhone, Template
from tests.factories import make_business, make_key, make_member

pytestmark = pytest.mark.django_db


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _membership(user: User) -> Membership:
    with system("test"):
        return Membership.objects.select_related("user").get(user=user)


NEW = {"name": "Tea", "country": "DE", "currency": "USD", "timezone": "Europe/Berlin"}


def _token() -> str:
    with system("test"):
        text: str = Email.objects.get(kind="invitation").text
    return text.split("/join/")[1].split("/")[0]


def test_whoever_founds_a_business_owns_it_and_can_send(client: Client) -> None:
    user = User.objects.create_user("ada@example.com")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/").status_code == 403
    given = NEW | {"name": " Ada's \r\n Tea "}
    assert client.post("/start/", given).status_code == 302
    member = _membership(user)
    with scope(member.business_id):
        business = Business.objects.get()
        assert (business.name, business.plan_id, member.role) == ("Ada's Tea", "free", "owner")
        place = (business.country, business.currency, business.timezone)
        assert place == ("DE", "USD", "Europe/Berlin")
        assert [
            Number.objects.count(),
            Template.objects.count(),
            SimulatedPhone.objects.count(),
        ] == [
            1,
            1,
            1,
        ]
        assert Number.objects.get().transport == "sandbox"
        assert AuditEntry.objects.get().action == "business.created"
    assert client.get("/", follow=True).status_code == 200


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_business_needs_a_name(client: Client, name: str) -> None:
    client.force_login(
        User.objects.create_user("ada@example.com"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    response = client.post("/start/", NEW | {"name": name})
    assert response.status_code == 400
    assert list(response.context["form"].errors) == ["name"]
    with system("test"):
        assert not Business.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"), [("country", "XX"), ("currency", "EUR"), ("timezone", "Mars/Olympus")]
)
def test_what_a_business_cannot_have_is_refused_by_name(
    client: Client, field: str, value: str
) -> None:
    client.force_login(
        User.objects.create_user("ada@example.com"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    response = client.post("/start/", NEW | {field: value})
    assert response.status_code == 400
    assert list(response.context["form"].errors) == [field]
    with system("test"):
        assert not Business.objects.exists()


@pytest.mark.parametrize(
    ("accepted", "country"),
    [("de-AT,de;q=0.9,en;q=0.8", "AT"), ("en", "US"), ("", "US"), ("xx-ZZ", "US"), ("en-GB", "GB")],
)
def test_the_country_is_guessed_by_the_browsers_language(
    client: Client, accepted: str, country: str
) -> None:
    client.force_login(
        User.objects.create_user("ada@example.com"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    page = client.get("/start/", headers={"Accept-Language": accepted})
    assert page.context["form"]["country"].value() == country


def test_home_lists_the_first_steps_until_they_are_done() -> None:
    user = User.objects.create_user("ada@example.com")
    client = _client(user)
    client.post("/start/", NEW)
    business_id = _membership(user).business_id

    def left() -> list[str]:
        states = client.get("/").context["panels"][0][1]["steps"]
        return [one.step.url_name for one in states if not one.is_done]

    assert left() == [
        "first_message",
        "phones",
        "team",
        "upstreams",
        "shop_new_product",
        "billing_details",
    ]
    thread = client.post("/inbox/first/")
    with scope(business_id):
        [message] = Message.objects.all()
        assert (message.text, message.author_id) == ("Hello! This is your first message.", user.pk)
        assert thread.headers["Location"] == message.conversation.get_absolute_url()
    client.post("/team/", {"email": "bob@example.com", "role": "agent"})
    assert left() == ["phones", "upstreams", "shop_new_product", "billing_details"]
    assert "First steps" in client.get("/").content.decode()
    # The checkbox on it, and on the profile, keeps the choice in the browser.
    client.cookies["first_steps_hidden"] = "1"
    assert "First steps" not in client.get("/").content.decode()
    assert 'data-cookie="first_steps_hidden"' in client.get("/you/").content.decode()


def test_admins_manage_all_but_owners_the_plan_and_the_end() -> None:
    business = make_business()
    owner, admin, agent = (make_member(business, role) for role in ("owner", "admin", "agent"))
    with system("test"):
        ids = {one.user_id: one.pk for one in Membership.objects.all()}
    client = _client(admin)
    for answer in (
        client.post("/team/", {"email": "bob@example.com", "role": "owner"}),
        client.post(f"/team/{ids[owner.pk]}/role/", {"role": "agent"}),
        client.post(f"/team/{ids[agent.pk]}/role/", {"role": "owner"}),
        client.post(f"/team/{ids[owner.pk]}/remove/"),
        client.post(f"/team/{ids[agent.pk]}/transfer/"),
        client.get("/settings/plan/"),
        client.post("/settings/business/forget/", {"name": business.name}),
    ):
        assert answer.status_code == 403
    with system("test"):
        roles = Membership.objects.order_by("id").values_list("role", flat=True)
        assert list(roles) == ["owner", "admin", "agent"]
        assert not Invitation.objects.exists()
    assert client.post(f"/team/{ids[agent.pk]}/role/", {"role": "viewer"}).status_code == 302
    assert client.get("/keys/").status_code == 200


def test_an_invitation_is_mailed_and_works_once() -> None:
    business = make_business()
    owner = make_member(business)
    given = {"email": "Bob@Example.com", "role": "finance"}
    assert _client(owner).post("/team/", given).status_code == 302
    token = _token()
    assert outbox.send_due() == 1
    assert [message.to for message in mail.outbox] == [["bob@example.com"]]
    assert f"/join/{token}/" in mail.outbox[0].body
    bob = User.objects.create_user("bob@example.com")
    assert _client(bob).get(f"/join/{token}/").status_code == 200
    assert not Membership.objects.filter(user=bob).exists()
    assert _client(bob).post(f"/join/{token}/").status_code == 302
    assert (_membership(bob).role, _membership(bob).business_id) == ("finance", business.pk)
    assert _client(bob).post(f"/join/{token}/").status_code == 404
    with scope(business.pk):
        assert list(AuditEntry.objects.order_by("id").values_list("action", "actor_name")) == [
            ("member.invited", owner.email),
            ("member.joined", "bob@example.com"),
        ]
        assert token.encode() not in bytes(Invitation.objects.get().digest)


def test_somebody_else_cannot_use_the_link() -> None:
    business = make_business()
    owner = make_member(business)
    with scope(business.pk):
        team.invite(business=business, by=owner, email="bob@example.com", role="agent")
    eve = User.objects.create_user("eve@example.com")
    with pytest.raises(NotAllowed):
        team.accept(token=_token(), user=eve)
    with system("test"):
        assert not Membership.objects.filter(user=eve).exists()


@pytest.mark.parametrize("fate", ["withdrawn", "too old", "unknown"])
def test_dead_invitations_open_nothing(fate: str) -> None:
    business = make_business()
    owner = make_member(business)
    with scope(business.pk):
        invitation = team.invite(business=business, by=owner, email="bob@example.com", role="agent")
    token = _token()
    with scope(business.pk):
        if fate == "withdrawn":
            team.withdraw(invitation=invitation)
        elif fate == "too old":
            Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    if fate == "unknown":
        token = "x" * 43
    with pytest.raises(NotYours):
        team.accept(token=token, user=User.objects.create_user("bob@example.com"))


@pytest.mark.parametrize(
    ("email", "role"), [("not an address", "agent"), ("a@example.com", "emperor"), ("", "agent")]
)
def test_bad_invitations_are_refused(email: str, role: str) -> None:
    business = make_business()
    with pytest.raises(BadInput), scope(business.pk):
        team.invite(business=business, by=make_member(business), email=email, role=role)
    with system("test"):
        assert not Invitation.objects.exists()


def test_members_and_invited_people_are_not_invited_again() -> None:
    business = make_business()
    owner = make_member(business)
    with scope(business.pk):
        team.invite(business=business, by=owner, email="bob@example.com", role="agent")
        for email in ("bob@example.com", owner.email):
            with pytest.raises(team.Refused, match="already"):
                team.invite(business=business, by=owner, email=email, role="agent")
        assert Invitation.objects.count() == 1


def test_a_new_role_counts_from_the_next_request() -> None:
    business = make_business()
    owner, agent = make_member(business), make_member(business, "agent")
    browser = _client(agent)
    assert browser.get("/team/").status_code == 403
    changed = _client(owner).post(f"/team/{_membership(agent).pk}/role/", {"role": "owner"})
    assert changed.status_code == 302
    assert browser.get("/team/").status_code == 200
    _client(owner).post(f"/team/{_membership(agent).pk}/remove/")
    assert browser.get("/team/").status_code == 403


@pytest.mark.parametrize("action", ["leave", "demote", "remove", "bulk"])
def test_the_last_owner_stays(action: str) -> None:
    business = make_business()
    owner = make_member(business)
    make_member(business, "agent")
    member = _membership(owner)
    browser = _client(owner)
    if action == "leave":
        assert browser.post("/team/leave/").status_code == 409
    elif action == "demote":
        assert browser.post(f"/team/{member.pk}/role/", {"role": "agent"}).status_code == 409
    elif action == "remove":
        assert browser.post(f"/team/{member.pk}/remove/").status_code == 409
    else:
        with pytest.raises(IntegrityError, match="last owner"), system("test"):
            Membership.objects.filter(business=business).update(role="viewer")
    assert _membership(owner).role == "owner"
    with system("test"):
        assert not AuditEntry.objects.exists()


def test_a_business_is_handed_over() -> None:
    business = make_business()
    owner, agent = make_member(business), make_member(business, "agent")
    assert _client(owner).post(f"/team/{_membership(agent).pk}/transfer/").status_code == 302
    assert (_membership(owner).role, _membership(agent).role) == ("agent", "owner")


def test_strangers_members_are_not_found() -> None:
    owner, stranger = make_member(make_business()), make_member(make_business("Other"))
    target = _membership(stranger).pk
    for path in (f"/team/{target}/role/", f"/team/{target}/remove/", f"/team/{target}/transfer/"):
        assert _client(owner).post(path, {"role": "viewer"}).status_code == 404
    assert _membership(stranger).role == "owner"


def test_seats_hold_for_members_and_open_invitations() -> None:
    business = make_business(plan_id="free")  # three seats
    owner = make_member(business)
    with scope(business.pk):
        team.invite(business=business, by=owner, email="b@example.com", role="agent")
        kept = team.invite(business=business, by=owner, email="c@example.com", role="agent")
        with pytest.raises(team.Refused, match="The Free plan has 3 seats, and all are taken"):
            team.invite(business=business, by=owner, email="d@example.com", role="agent")
        team.withdraw(invitation=kept)
        team.invite(business=business, by=owner, email="d@example.com", role="agent")


def test_the_audit_log_cannot_be_changed_and_goes_with_its_change() -> None:
    business = make_business()
    with scope(business.pk):
        record.record(
            action="test.done", subject="x", business=business, after={"when": timezone.now()}
        )
    for action in (
        lambda: AuditEntry.objects.update(action="y"),
        lambda: AuditEntry.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError, match="append-only"), scope(business.pk):
            action()
    with scope(business.pk):
        record.record(action="test.undone", subject="x", business=business)
        transaction.set_rollback(True)
    with scope(business.pk):
        assert AuditEntry.objects.get().action == "test.done"
        assert AuditEntry.objects.get().actor_name == "parley"


def test_a_key_is_replaced_with_a_day_of_overlap() -> None:
    business = make_business()
    make_key(business, scopes=["read"])
    with scope(business.pk):
        old = ApiKey.objects.get()
        new, text = api_keys.replace_key(key=old)
        old.refresh_from_db()
        assert new.scopes == ["read"]
        assert text.startswith(f"parley_{new.prefix}_")
        assert old.expires_at is not None
        assert (
            timedelta(hours=23, minutes=59) < old.expires_at - timezone.now() <= timedelta(hours=24)
        )
        assert ApiKey.objects.live().count() == 2
        api_keys.revoke_key(key=old)
        with pytest.raises(BadInput):
            api_keys.replace_key(key=old)
        actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
        assert actions == ["key.created", "key.replaced", "key.revoked"]


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_a_key_reaches_something_known(scopes: list[str]) -> None:
    business = make_business()
    with pytest.raises(BadInput), scope(business.pk):
        api_keys.create_key(business=business, name="x", scopes=scopes)
    with system("test"):
        assert not ApiKey.objects.exists()
