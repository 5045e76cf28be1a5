from pathlib import Path

from tests import programs


def test_ctrl_c_leaves_no_trace_while_the_program_is_loaded(tmp_path: Path) -> None:
    # In place of what is loaded first, as the working folder comes before all others.
    (tmp_path / "uvicorn.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    told = programs.run("api", "serve", folder=tmp_path)
    assert (told.returncode, told.stdout, told.stderr) == (130, "", "")
