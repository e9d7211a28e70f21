"""How often a user name and password are asked for, and when not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_emr_connect.errors import LoginRefused, LoginRequired
from jupyter_emr_connect.models import Compute, Login
from jupyter_emr_connect.presentation.logins import LoginError, with_login
from jupyter_emr_connect.services.credentials import logins

LDAP = Compute("j-LDAP", "ec2", "ldap", "", "us-east-1", "123456789012", "WAITING", auth="ldap")
RIGHT = Login("ada", "right")


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    logins.forget_logins()
    yield
    logins.forget_logins()


class Asked:
    """A compute that takes one login, and a user who types ``answers`` one after the other."""

    def __init__(self, *answers: Login | None) -> None:
        self.answers = list(answers)
        self.told: list[type[LoginError]] = []

    def attach(self) -> Login:
        with logins._lock:
            login = logins._typed.get(LDAP.id)
        if login is None:
            message = "asks for a user name and password"
            raise LoginRequired(message, compute_id=LDAP.id, compute_name=LDAP.name)
        if login != RIGHT:
            logins.note_refused(LDAP, login)
            refused = LoginRefused("does not accept them")
            refused.compute_id = LDAP.id
            raise refused
        return login

    def ask(self, error: LoginError) -> Login | None:
        self.told.append(type(error))
        return self.answers.pop(0)


def test_a_wrong_password_is_asked_for_again_and_the_right_one_is_kept() -> None:
    user = Asked(Login("ada", "wrong"), RIGHT)
    assert with_login(user.attach, user.ask, 2) == RIGHT
    assert user.told == [LoginRequired, LoginRefused]
    assert with_login(user.attach, user.ask, 2) == RIGHT  # not asked again
    assert user.told == [LoginRequired, LoginRefused]


def test_after_so_many_attempts_the_refusal_is_an_error() -> None:
    user = Asked(Login("ada", "wrong"), Login("ada", "worse"), RIGHT)
    with pytest.raises(LoginRefused):
        with_login(user.attach, user.ask, 2)
    assert user.answers == [RIGHT]


def test_nobody_who_answers_is_the_error_itself() -> None:
    user = Asked(None)
    with pytest.raises(LoginRequired, match="asks for a user name"):
        with_login(user.attach, user.ask, 2)


def test_a_refusal_of_what_nobody_typed_is_not_asked_about() -> None:
    user = Asked(RIGHT)

    def refused() -> None:
        message = "did not accept the user name and password of the secret 'team/livy'"
        raise LoginRefused(message)

    with pytest.raises(LoginRefused, match="secret"):
        with_login(refused, user.ask, 2)
    assert user.told == []
