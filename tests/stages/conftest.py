"""Three quarters of a scripted home, lived through once for all tests of what comes after."""

import pytest
from scripted_home import walk, write

from edgeprint.registry import promote
from edgeprint.stages.train import Trainer


class Killed(BaseException):
    pass


@pytest.fixture(scope="session")
def trainer(tmp_path_factory) -> Trainer:
    with pytest.MonkeyPatch.context() as patch:
        return Trainer(write(tmp_path_factory.mktemp("home"), patch), "binary", stage="retrain")


@pytest.fixture(scope="session")
def lines(trainer) -> list[dict]:
    """The whole walk, killed right after the alias of the retrained model was moved, and started again."""
    move = promote.promote

    def killed(name: str, number: int) -> None:
        move(name, number)
        if number == 2:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(promote, "promote", killed)
        with pytest.raises(Killed):
            walk(trainer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.method, "train", None)  # everything was trained before the kill
        return walk(trainer)
