"""Marks of secrets in texts and file names: private keys, tokens, passwords that are assigned."""

from __future__ import annotations

import re

SECRETS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "an access key of AWS"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"), "a token of GitHub"),
    (re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}\b"), "a token of GitLab"),
    (re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}\b"), "a token of Slack"),
    (re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"), "a key of age"),
    (re.compile(r"://[^/\s:@]*:[^/\s:@{]+@"), "a URL with a password"),
)
"""Patterns that only secrets have, each with what it is."""

_IN_FILES = (
    (re.compile(r"-----BEGIN PGP PRIVATE KEY BLOCK-----"), "a private key"),
    (
        re.compile(r"(?<![\w$])\$(?:2[abxy]|[1567y]|apr1|gy|sha1)\$[^\s:$]{2,}[^\s:\"']*"),
        "the hash of a password",
    ),
    (re.compile(r"(?m)^[^\s:#]+:\{(?:SSHA|SHA|SMD5|PLAIN)\}\S*"), "the hash of a password"),
    (re.compile(r"\bgrub\.pbkdf2\.sha512\.\d\S*"), "the hash of a password"),
    (re.compile(r"\A\x05[\x01\x02]\x00\x00"), "keys of Kerberos"),
    (re.compile(r"(?m)^[^\s:#]+:(?:\d+|\*):[^\s:]+:[^\s:]+:\S+$"), "a password (as in .pgpass)"),
    (re.compile(r"(?i)<\w*(?:password|passwd|secret|token)>[^<\s][^<]*<"), "a password"),
    (
        re.compile(r"(?m)^[ \t]*machine[ \t]+\S+\s+(?:.*\s)?password\s+\S+"),
        "a password (as in .netrc)",
    ),
    (re.compile(r"\bsshpass[ \t]+-p[ \t]*[\"']?[^\s$\"']+"), "a password (of sshpass)"),
    (
        re.compile(
            r"\b(?:mysql|mariadb)[\w-]*[ \t](?:[^\n|;]{0,200}[ \t])?-p(?![\"']?\$)[^\s-]\S*"
        ),
        "a password (of mysql)",
    ),
    (
        re.compile(
            r"\bcurl\b[^\n|;]{0,200}[ \t](?:-u|--user)[ =]*[\"']?\w[^\s:]*:[^\s$\"'][^\s\"']*"
        ),
        "a password (of curl)",
    ),
    (re.compile(r"(?m)^[ \t]*stats[ \t]+auth[ \t]+[^\s:]+:\S+"), "a password (of haproxy)"),
    (re.compile(r"\binsecure-password[ \t]+\S+"), "a password (of haproxy)"),
    (
        re.compile(
            r"(?i)\bauthorization\b[\"']?[ \t]*[:=,]?[ \t]*[\"']?"
            r"(?:basic|bearer|token)[ \t]+[\w+/=.-]{8,}"
        ),
        "credentials for HTTP",
    ),
)

# The name ends with the word: `password_encryption = md5` is none. What follows is a value and not
# a variable, a path, a flag or a mark to be filled in.
_SHORT = (
    r"(?:(?<![A-Za-z])|(?-i:(?<=[a-z])(?=P)))"
    r"(?<!proxy_)(?<!fastcgi_)(?<!uwsgi_)(?<!scgi_)(?<!grpc_)(?<!memcached_)pass"
)
_WORDS = (
    r"(?:pass(?:word|phrase|code)|(?<!NO)passwd|secret(?:[_-]?key)?(?:[_-]?base)?|token"
    r"|(?<!load)(?<!import)(?<!condition)(?<!encrypted)credentials?"
    rf"|{_SHORT}|requirepass|masterauth|pwd|psk|(?<![A-Za-z0-9+/])(?:[a-z]{{2,12}}[_-]?)?pw"
    r"|(?:access|auth|private|encryption|signing|session|pre[_-]?shared|shared|app|api|master|cookie"
    r"|nonce|logged_in)[_-]?key|(?:auth|nonce|logged_in|password|secret)[_-]salt)"
)
_ASSIGNED = tuple(
    re.compile(pattern, re.MULTILINE | re.IGNORECASE)
    for pattern in (
        (
            rf"""{_WORDS}(?:["'\])]*[ \t]*[=:]>?|["'][ \t]*,|["'][ \t]+value=|["']>)"""
            r"""[ \t]*["']?(?P<value>[^\s"',;]+)"""
        ),
        rf"""^[ \t]*[\w.-]*{_WORDS}[ \t]+["']?(?P<value>[^\s"';]+)["']?;?[ \t]*$""",
        rf"""(?<!\S)--[\w-]{{0,40}}{_WORDS}[ \t]+["']?(?P<value>(?!-)[^\s"';|&]+)""",
    )
)
_COMMENT = re.compile(r"(?m)^[ \t]*[#;!].*|[ \t]#.*")
_NO_SECRET = re.compile(
    r"(?i)\$[a-z_{(].*|/.*|\{\{.*|<.*|%[({].*|\*+|=.*|yes|no|true|false|none|null|on|off|auto|prompt"
    r"|files|compat|sss|ldap|winbind|all|str|bytes|\d+/(?:tcp|udp|sctp)"
    r"|required|optional|include|sufficient|requisite|authentication|.{1,2}"
)

_NAMES = re.compile(
    r"(?i)\.(?:key|pfx|p12|p8|ppk|jks|keystore|keytab|kdbx?|htpasswd|pgpass|netrc|vault)$"
    r"|^id_(?:rsa|dsa|ecdsa|ed25519)"
    r"|(?:^|[._-])(?:secrets?|credentials?|passwords?|passwd|htpasswd|pgpass|netrc|tokens?|keytab|keyfile|psk)"
    r"(?:[._-]|$)|^debian\.cnf$|private.*\.pem$|^private[_-]?key"
)

_PEM = re.compile(r"(?s)(-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----).*?(?:-----END[^\n]*|\Z)")
_NAMED = re.compile(
    rf"""(?ix)
    (?P<name>
        {_WORDS} ["']? \]?
        (?:[ \t]* (?:=>|[=:]|,) [ \t]* | [ \t]+(?=["']))
    )
    (?P<value>
        \{{\{{.*?\}}\}}
      | [|>][-+\d]*[ \t]*\n(?s:.*)
      | "(?:[^"\\]|\\.)*" | '[^']*'
      | (?<==)[^\s"']\S* | [^\s"'][^\n]*
    )"""
)
"""A value that a name of secrets gets: a template, a block of YAML, a quoted text, words."""


def secret_name(path: str) -> str | None:
    """Return why a file of this path probably is a secret, by its name alone; None if it is not."""
    name = path.rpartition("/")[2]
    return "its name is one of secrets" if _NAMES.search(name) and name[-4:] != ".pub" else None


def secret_in(text: str) -> str | None:
    """
    Return what secret a text has, e.g. "a private key"; None if none is seen.

    A text may have secrets that nothing shows. Comments (`#`, `;`) are searched for keys only.
    """
    for pattern, what in (*SECRETS, *_IN_FILES):
        if pattern.search(text):
            return what
    plain = _COMMENT.sub("", text)
    for assigned in _ASSIGNED:
        for found in assigned.finditer(plain):
            if not _NO_SECRET.fullmatch(found["value"]):
                return f"a secret in line {plain.count(chr(10), 0, found.start('value')) + 1}"
    return None


def masked(text: str) -> str:
    """
    Return a text (YAML, Ruby, Python) with `...` in place of the secrets that `secret_in` finds.

    More may be taken out: an unquoted value of YAML goes to the end of its line.
    """
    text = _PEM.sub(r"\1 ...", text)
    for pattern, _ in (*SECRETS, *_IN_FILES):
        text = pattern.sub("...", text)
    text = _NAMED.sub(_without_value, text)
    for assigned in _ASSIGNED:
        text = assigned.sub(_without_assigned, text)
    return text


def _without_assigned(found: re.Match[str]) -> str:
    if _is_no_secret(found["value"]):
        return found[0]
    start, end = (one - found.start() for one in found.span("value"))
    return f"{found[0][:start]}...{found[0][end:]}"


def _without_value(found: re.Match[str]) -> str:
    value = found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    if _is_no_secret(value):
        return found[0]
    return f"{found['name']}{quote}...{quote}"


def _is_no_secret(value: str) -> bool:
    """Return whether a value is none of a secret, or a reference to one."""
    is_other = _NO_SECRET.fullmatch(value.strip("\"'")) is not None
    return is_other or value.startswith(("secret(", "!vault"))
