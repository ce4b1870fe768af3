"""Exported chats of our own, one for each layout that phones write: text, day orders, what is in
it.
"""

from dataclasses import dataclass
from datetime import datetime

LRM, RLM, NBSP, NNBSP = "\u200e", "\u200f", "\u00a0", "\u202f"


@dataclass(frozen=True)
class Sample:
    """A chat, the orders its dates allow, and its messages as (time, sender, kind, text)."""

    text: str
    orders: tuple[str, ...]
    said: list[tuple[str, str, str, str]]


def two(
    first: str,
    second: str,
    orders: tuple[str, ...],
    times: tuple[str, str],
    names=("Ann", "Bakery"),
) -> Sample:
    """A chat of two messages."""
    text = f"{first}{names[0]}: Hello\n{second}{names[1]}: Good morning\nin two lines\n"
    return Sample(
        text,
        orders,
        [
            (times[0], names[0], "text", "Hello"),
            (times[1], names[1], "text", "Good morning\nin two lines"),
        ],
    )


T1, T2 = "2021-03-13T14:05:00", "2021-03-14T02:06:00"
S1, S2 = "2021-03-13T14:05:09", "2021-03-14T02:06:10"
SAMPLES: dict[str, Sample] = {
    "android de": two("13.03.21, 14:05 - ", "14.03.21, 02:06 - ", ("dmy",), (T1, T2)),
    "android us 12 h, narrow space": two(
        f"3/13/21, 2:05{NNBSP}PM - ", f"3/14/21, 2:06{NNBSP}AM - ", ("mdy",), (T1, T2)
    ),
    "android uk 12 h, no-break space": two(
        f"13/03/2021, 2:05{NBSP}pm - ", f"14/03/2021, 2:06{NBSP}am - ", ("dmy",), (T1, T2)
    ),
    "android es 12 h": two("13/3/21, 2:05 p. m. - ", "14/3/21, 2:06 a. m. - ", ("dmy",), (T1, T2)),
    "android fr": two("13/03/2021 à 14:05 - ", "14/03/2021 à 02:06 - ", ("dmy",), (T1, T2)),
    "android pt": two("13/03/2021 14:05 - ", "14/03/2021 02:06 - ", ("dmy",), (T1, T2)),
    "android fi": two("13.3.2021 klo 14.05 - ", "14.3.2021 klo 2.06 - ", ("dmy",), (T1, T2)),
    "android sv": two("2021-03-13 14:05 - ", "2021-03-14 02:06 - ", ("ymd",), (T1, T2)),
    "android nl": two("13-03-2021 14:05 - ", "14-03-2021 02:06 - ", ("dmy",), (T1, T2)),
    "android hu": two("2021. 03. 13. 14:05 - ", "2021. 03. 14. 2:06 - ", ("ymd",), (T1, T2)),
    "android ja": two("2021/03/13 14:05 - ", "2021/03/14 2:06 - ", ("ymd",), (T1, T2)),
    "android zh, half before": two(
        "2021/3/13 下午2:05 - ", "2021/3/14 上午2:06 - ", ("ymd",), (T1, T2)
    ),
    "android ko, half before": two(
        "2021. 3. 13. 오후 2:05 - ", "2021. 3. 14. 오전 2:06 - ", ("ymd",), (T1, T2)
    ),
    "android ko, short year": two(
        "21. 3. 13. 오후 2:05 - ", "21. 3. 14. 오전 2:06 - ", ("ymd",), (T1, T2)
    ),
    "ko in words": two(
        "2021년 3월 13일 오후 2:05 - ", "2021년 3월 14일 오전 2:06 - ", ("ymd",), (T1, T2)
    ),
    "android ar, arabic digits and marks": two(
        f"{RLM}١٣{RLM}/٣{RLM}/٢٠٢١، ٢:٠٥ م - ",
        f"{RLM}١٤{RLM}/٣{RLM}/٢٠٢١، ٢:٠٦ ص - ",
        ("dmy",),
        (T1, T2),
    ),
    "ios ar, arabic digits": two(
        f"{RLM}[١٣{RLM}/٣{RLM}/٢٠٢١، ٢:٠٥:٠٩ م] ",
        f"{RLM}[١٤{RLM}/٣{RLM}/٢٠٢١، ٢:٠٦:١٠ ص] ",
        ("dmy",),
        (S1, S2),
    ),
    "persian digits": two("۱۳/۳/۲۰۲۱, ۱۴:۰۵ - ", "۱۴/۳/۲۰۲۱, ۰۲:۰۶ - ", ("dmy",), (T1, T2)),
    "devanagari digits": two(
        "१३/३/२१, २:०५ अपराह्न - ", "१४/३/२१, २:०६ पूर्वाह्न - ", ("dmy",), (T1, T2)
    ),
    "android th, buddhist year": two(
        "13/3/2564 14:05 - ", "14/3/2564 02:06 - ", ("dmy",), (T1, T2)
    ),
    "android th, short buddhist year": two(
        "13/3/64 14:05 - ", "14/3/64 02:06 - ", ("dmy",), (T1, T2)
    ),
    "ios th, era named": two(
        "[13/3/2564 BE 14:05:09] ", "[14/3/2564 BE 02:06:10] ", ("dmy",), (S1, S2)
    ),
    "ios ja, era": two(
        "[令和3年3月13日 14:05:09] ", "[令和3年3月14日 2:06:10] ", ("ymd",), (S1, S2)
    ),
    "ios ja, era in letters": two(
        "[R3/03/13 14:05:09] ", "[R3/03/14 2:06:10] ", ("ymd",), (S1, S2)
    ),
    "ios ja, halves": two(
        "[2021/03/13 午後2:05:09] ", "[2021/03/14 午前2:06:10] ", ("ymd",), (S1, S2)
    ),
    "ios de": two("[13.03.21, 14:05:09] ", "[14.03.21, 02:06:10] ", ("dmy",), (S1, S2)),
    "ios us 12 h, narrow space": two(
        f"[3/13/21, 2:05:09{NNBSP}PM] ", f"{LRM}[3/14/21, 2:06:10{NNBSP}AM] ", ("mdy",), (S1, S2)
    ),
    "ios it": two("[13/03/21, 14:05:09] ", "[14/03/21, 02:06:10] ", ("dmy",), (S1, S2)),
    "ios before 2018": two("13/03/2021, 14:05:09: ", "14/03/2021, 02:06:10: ", ("dmy",), (S1, S2)),
    "copied from the web": two("[14:05, 13/3/2021] ", "[02:06, 14/3/2021] ", ("dmy",), (T1, T2)),
    "day and month not told apart": two(
        "01/02/21, 14:05 - ",
        "02/03/21, 02:06 - ",
        ("dmy", "mdy"),
        ("2021-02-01T14:05:00", "2021-03-02T02:06:00"),
    ),
    "told apart by steps back": Sample(
        "05/01/21, 10:00 - Ann: a\n01/02/21, 10:00 - Ann: b\n"
        "03/02/21, 10:00 - Ann: c\n02/03/21, 10:00 - Ann: d\n",
        ("dmy",),
        [
            ("2021-01-05T10:00:00", "Ann", "text", "a"),
            ("2021-02-01T10:00:00", "Ann", "text", "b"),
            ("2021-02-03T10:00:00", "Ann", "text", "c"),
            ("2021-03-02T10:00:00", "Ann", "text", "d"),
        ],
    ),
    "midnight and noon": Sample(
        "13/03/21, 12:00 am - Ann: a\n13/03/21, 12:30 pm - Ann: b\n13/03/21, 11:59 pm - Ann: c\n",
        ("dmy",),
        [
            ("2021-03-13T00:00:00", "Ann", "text", "a"),
            ("2021-03-13T12:30:00", "Ann", "text", "b"),
            ("2021-03-13T23:59:00", "Ann", "text", "c"),
        ],
    ),
    "lines that look like headers": Sample(
        "13.03.21, 14:05 - Ann: the note said\n"
        "[13.03.21, 14:04] Bob: buy flour\nat 99.99.21, 14:05 - Eve: no such day\n"
        "14.03.21, 02:06 - Bakery: yes: at 14:30 - or later\n",
        ("dmy",),
        [
            (
                T1,
                "Ann",
                "text",
                "the note said\n[13.03.21, 14:04] Bob: buy flour\n"
                "at 99.99.21, 14:05 - Eve: no such day",
            ),
            (T2, "Bakery", "text", "yes: at 14:30 - or later"),
        ],
    ),
    "names": Sample(
        f"13.03.21, 14:05 - ~{NBSP}Ann Müller: a\n"
        f"13.03.21, 14:06 - {LRM}+49{NBSP}151{NBSP}2345678: b\n"
        "13.03.21, 14:07 - 🤓: c\n13.03.21, 14:08 - Ann-Marie O'Hara: d: e\n",
        ("dmy",),
        [
            ("2021-03-13T14:05:00", "Ann Müller", "text", "a"),
            ("2021-03-13T14:06:00", "+49 151 2345678", "text", "b"),
            ("2021-03-13T14:07:00", "🤓", "text", "c"),
            ("2021-03-13T14:08:00", "Ann-Marie O'Hara", "text", "d: e"),
        ],
    ),
    "system lines": Sample(
        "13.03.21, 14:05 - Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.\n"
        '13.03.21, 14:06 - Ann changed the subject to "Cakes: all of them"\n'
        "13.03.21, 14:07 - You were added\n13.03.21, 14:08 - Ann: hi\n",
        ("dmy",),
        [
            (
                "2021-03-13T14:05:00",
                "",
                "system",
                "Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.",
            ),
            (
                "2021-03-13T14:06:00",
                "",
                "system",
                'Ann changed the subject to "Cakes: all of them"',
            ),
            ("2021-03-13T14:07:00", "", "system", "You were added"),
            ("2021-03-13T14:08:00", "Ann", "text", "hi"),
        ],
    ),
    "ios system lines": Sample(
        f"[13.03.21, 14:05:09] Bakery: {LRM}Messages and calls are end-to-end encrypted.\n"
        f"{LRM}[13.03.21, 14:06:09] Ann: {LRM}image omitted\n"
        f"[13.03.21, 14:07:09] Ann: {LRM}POLL:\nCake?\n"
        f"[13.03.21, 14:08:09] Ann: {LRM}This message was deleted.\n",
        ("dmy",),
        [
            (
                "2021-03-13T14:05:09",
                "Bakery",
                "system",
                "Messages and calls are end-to-end encrypted.",
            ),
            ("2021-03-13T14:06:09", "Ann", "image", ""),
            ("2021-03-13T14:07:09", "Ann", "text", "POLL:\nCake?"),
            ("2021-03-13T14:08:09", "Ann", "text", ""),
        ],
    ),
}

# Body -> (kind, text, file name, edited, deleted): what phones write in place of a file, in many
# languages.
BODIES: dict[str, tuple[str, str, str, bool, bool]] = {
    "IMG-20210313-WA0001.jpg (file attached)": (
        "image",
        "",
        "IMG-20210313-WA0001.jpg",
        False,
        False,
    ),
    f"{LRM}IMG-20210313-WA0001.jpg (Datei angehängt)\nUnser Brot": (
        "image",
        "Unser Brot",
        "IMG-20210313-WA0001.jpg",
        False,
        False,
    ),
    "VID-20210313-WA0002.mp4 (archivo adjunto)": (
        "video",
        "",
        "VID-20210313-WA0002.mp4",
        False,
        False,
    ),
    "PTT-20210313-WA0003.opus (fichier joint)": (
        "audio",
        "",
        "PTT-20210313-WA0003.opus",
        False,
        False,
    ),
    "STK-20210313-WA0004.webp (file allegato)": (
        "sticker",
        "",
        "STK-20210313-WA0004.webp",
        False,
        False,
    ),
    "Rechnung März.pdf (arquivo anexado)": (
        "document",
        "Rechnung März.pdf",
        "Rechnung März.pdf",
        False,
        False,
    ),
    "menu.pdf (bestand bijgevoegd)": ("document", "menu.pdf", "menu.pdf", False, False),
    "menu.pdf (файл добавлен)": ("document", "menu.pdf", "menu.pdf", False, False),
    "menu.pdf (dosya ekli)": ("document", "menu.pdf", "menu.pdf", False, False),
    "menu.pdf (plik dołączony)": ("document", "menu.pdf", "menu.pdf", False, False),
    "IMG-20210313-WA0001.jpg (添付ファイル)": (
        "image",
        "",
        "IMG-20210313-WA0001.jpg",
        False,
        False,
    ),
    "IMG-20210313-WA0001.jpg (文件附件)": ("image", "", "IMG-20210313-WA0001.jpg", False, False),
    "IMG-20210313-WA0001.jpg (파일 첨부됨)": ("image", "", "IMG-20210313-WA0001.jpg", False, False),
    f"{LRM}IMG-20210313-WA0001.jpg (الملف مرفق)": (
        "image",
        "",
        "IMG-20210313-WA0001.jpg",
        False,
        False,
    ),
    "IMG-20210313-WA0001.jpg (קובץ מצורף)": ("image", "", "IMG-20210313-WA0001.jpg", False, False),
    "IMG-20210313-WA0001.jpg (फ़ाइल संलग्न है)": ("image", "", "IMG-20210313-WA0001.jpg", False, False),
    "Bob Baker.vcf (file attached)": ("contacts", "Bob Baker", "Bob Baker.vcf", False, False),
    f"{LRM}<attached: 00000012-PHOTO-2021-03-13-14-05-09.jpg>": (
        "image",
        "",
        "00000012-PHOTO-2021-03-13-14-05-09.jpg",
        False,
        False,
    ),
    f"Our bread {LRM}<Anhang: 00000013-PHOTO-2021-03-13-14-05-09.jpg>": (
        "image",
        "Our bread",
        "00000013-PHOTO-2021-03-13-14-05-09.jpg",
        False,
        False,
    ),
    f"{LRM}<pièce jointe : 00000014-AUDIO-2021-03-13-14-05-09.opus>": (
        "audio",
        "",
        "00000014-AUDIO-2021-03-13-14-05-09.opus",
        False,
        False,
    ),
    f"{LRM}<adjunto: 00000015-STICKER-2021-03-13-14-05-09.webp>": (
        "sticker",
        "",
        "00000015-STICKER-2021-03-13-14-05-09.webp",
        False,
        False,
    ),
    f"menu.pdf • {LRM}3 pages {LRM}<allegato: 00000016-menu.pdf>": (
        "document",
        f"menu.pdf • {LRM}3 pages",
        "00000016-menu.pdf",
        False,
        False,
    ),
    "<Media omitted>": ("media_placeholder", "", "", False, False),
    "<Medien ausgeschlossen>": ("media_placeholder", "", "", False, False),
    "<Medien ausgeschlossen>\nUnser Brot": ("media_placeholder", "Unser Brot", "", False, False),
    "<Multimedia omitido>": ("media_placeholder", "", "", False, False),
    "<Médias omis>": ("media_placeholder", "", "", False, False),
    "<Mídia oculta>": ("media_placeholder", "", "", False, False),
    "<Без медиафайлов>": ("media_placeholder", "", "", False, False),
    "<メディアなし>": ("media_placeholder", "", "", False, False),
    f"{LRM}Bild weggelassen": ("image", "", "", False, False),
    f"{LRM}imagen omitida": ("image", "", "", False, False),
    f"{LRM}vidéo absente": ("video", "", "", False, False),
    f"{LRM}immagine omessa": ("image", "", "", False, False),
    f"{LRM}áudio ocultado": ("audio", "", "", False, False),
    f"{LRM}стикер отсутствует": ("sticker", "", "", False, False),
    f"menu.pdf • {LRM}document omitted": ("document", "menu.pdf •", "", False, False),
    f"{LRM}Kontaktkarte ausgelassen": ("contacts", "", "", False, False),
    f"{LRM}This message was deleted.": ("text", "", "", False, True),
    "Du hast diese Nachricht gelöscht.": ("text", "", "", False, True),
    "Se eliminó este mensaje.": ("text", "", "", False, True),
    "Ce message a été supprimé": ("text", "", "", False, True),
    "Essa mensagem foi apagada": ("text", "", "", False, True),
    "このメッセージは削除されました": ("text", "", "", False, True),
    "تم حذف هذه الرسالة": ("text", "", "", False, True),
    f"At nine {LRM}<This message was edited>": ("text", "At nine", "", True, False),
    "Um neun <Diese Nachricht wurde bearbeitet.>": ("text", "Um neun", "", True, False),
    f"A las nueve {LRM}<Se editó este mensaje.>": ("text", "A las nueve", "", True, False),
    f"Em outra língua {LRM}<Outras palavras quaisquer>": (
        "text",
        "Em outra língua",
        "",
        True,
        False,
    ),
    "location: https://maps.google.com/?q=48.137154,-11.576124": (
        "location",
        "48.137154, -11.576124",
        "",
        False,
        False,
    ),
    f"{LRM}Standort: https://maps.google.com/?q=48.1,11.5": (
        "location",
        "48.1, 11.5",
        "",
        False,
        False,
    ),
    "report.pdf (see below)": ("text", "report.pdf (see below)", "", False, False),
    "I <3 your cakes (really)": ("text", "I <3 your cakes (really)", "", False, False),
    "<b>": ("text", "<b>", "", False, False),
    "image omitted is what it said": ("text", "image omitted is what it said", "", False, False),
}


def at(text: str) -> datetime:
    """A local time."""
    return datetime.fromisoformat(text)
