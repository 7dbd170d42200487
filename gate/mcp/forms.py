"""Forms: which words of a form ask for a secret, however they are spelled.

A person reads what looks like "password"; so a text is compared by what it looks like: without what nobody sees (zero width, accents), letters of
other scripts as the Latin ones that they pass for, case, marks and spaces folded, digits and signs also as the letters that they stand for.  A word
that mixes scripts passes for another one on purpose, and counts as a secret's.  The idea is UTS 39's, section 4.

>>> [asks_secret(text) for text in ("p\u0430ssword", "Pa$$ w0rd", "cvv2", "userPIN", "m\u03bfnthly", "Favourite colour", "opinion", "month")]
[True, True, True, True, True, False, False, False]
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ANYWHERE: Final = """
    password passphrase passwd passcode passwort passwrd kennwort contrasena contraseña senha wachtwoord motdepasse losenord lösenord adgangskode
    salasana hasło haslo heslo jelszó parola пароль κωδικόςπρόσβασης secret credential apikey privatekey accesskey sshkey signingkey encryptionkey
    masterkey secretkey authkey token cardnumber creditcard debitcard kreditkarte cardverification seedphrase recoveryphrase mnemonic socialsecurity
    securitycode securityanswer verificationcode authenticationcode authcode logincode recoverycode backupcode accesscode twofactor onetimecode
    onetimepass 2facode mfacode smscode authenticator pincode unlockcode signincode bearer jsonwebtoken sessioncookie sessionid
"""
_WORDS: Final = "pin pins pwd pswd psw passw otp totp hotp mfa 2fa cvv cvc csc ssn jwt pem creds"
_WHOLE: Final = "pass key auth tan seed pan nip cookie pw"
_SIGNS: Final = "密码 密碼 口令 パスワード 暗証番号 비밀번호 รหัสผ่าน पासवर्ड كلمة المرور סיסמה"
_ALIKE: Final = str.maketrans(
    "аԁеѕіјкмнорԛгтухвһѵԝӏαβεικνορτυχγηωσıɩłøđɡɑʀоոսօ",
    "adesijkmhopqrtyxbhvwlabeiknoptuxynwsiilodgaronuo",
)
"""Small letters of other scripts, and the Latin ones that they pass for."""
_DIGITS: Final = str.maketrans("01!|3457$@", "ollleastsa")
_MIXED: Final = frozenset({"CYRILLIC", "ARMENIAN", "CHEROKEE", "GREEK", "COPTIC", "LISU"})
_SHORTEST: Final = 4  # letters of a word in which scripts are mixed; "µm" is no disguise


def asks_secret(text: str) -> bool:
    """Whether a text, as a person reads it, names a secret."""
    seen = _seen(text)
    if any(sign in seen for sign in _SEEN_SIGNS) or any(map(_mixed, re.findall(r"\w+", seen))):
        return True
    forms = [form.casefold().translate(_ALIKE) for form in (seen, re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", seen))]
    return any(_names_one(form) or _names_one(form.translate(_DIGITS)) for form in forms)


def _names_one(text: str) -> bool:
    plain = _form(text)
    return bool(_PATTERN.search(plain)) or any(word in plain.replace(" ", "") for word in _LONG) or plain in _ALONE


def _seen(text: str) -> str:
    """A text without what nobody sees in it."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(c for c in parts if unicodedata.category(c) not in ("Mn", "Me", "Cf", "Cc") and c not in "\u115f\u1160\u3164\uffa0")


def _mixed(word: str) -> bool:
    scripts = {unicodedata.name(c, "").partition(" ")[0] for c in word if c.isalpha()}
    return len(word) >= _SHORTEST and "LATIN" in scripts and not scripts.isdisjoint(_MIXED)


def _form(folded: str) -> str:
    """Letters and digits with one space between words, those alike that a reader mixes up."""
    words = " ".join(re.findall(r"[^\W_]+", folded))
    return words.replace("i", "l").replace("rn", "m").replace("vv", "w")


def _words(text: str) -> list[str]:
    return [_form(_seen(word).casefold().translate(_ALIKE)) for word in text.split()]


_SEEN_SIGNS: Final = tuple([_seen(sign) for sign in _SIGNS.split()])
_LONG: Final = tuple(_words(_ANYWHERE))
_ALONE: Final = frozenset(_words(_WHOLE))
_PATTERN: Final = re.compile(rf"(?<![^\W\d_])({'|'.join(map(re.escape, _words(_WORDS)))})(?![^\W\d_])")
