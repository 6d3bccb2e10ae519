"""Beginning: `dakora init` and `dakora dev`."""

from dakora_server.config import Settings


def test_init_makes_a_folder_that_validates(user):
    made = user("init")
    assert made.code == 0
    assert made.out == ""
    assert "dakora dev --prompts prompts" in made.err
    assert sorted(path.name for path in user.folder.iterdir()) == [".env", ".gitignore", "prompts"]
    assert (user.folder / ".gitignore").read_text() == ".dakora/\n.env\n"
    checked = user("validate", "--json")
    assert checked.json == {"ok": True, "files": 2, "errors": [], "warnings": []}


def test_init_overwrites_nothing(user):
    mine = {
        "prompts/greeting.yaml": "mine",
        "prompts/parts/closing/kind.yaml": "mine too",
        ".env": "MINE=1",
        ".gitignore": "node_modules\n.dakora",
    }
    for name, text in mine.items():
        user.write(name, text)
    made = user("init", "--json")
    assert made.json["written"] == [".gitignore"]
    assert made.json["kept"] == ["prompts/greeting.yaml", "prompts/parts/closing/kind.yaml", ".env"]
    assert (user.folder / "prompts/greeting.yaml").read_text() == "mine"
    assert (user.folder / ".env").read_text() == "MINE=1"
    assert (user.folder / ".gitignore").read_text() == "node_modules\n.dakora\n.env\n"
    assert user("init", "--json").json["written"] == []


def test_init_makes_the_folder_it_is_given(user):
    made = user("init", "shop/prompting")
    assert (user.folder / "shop/prompting/prompts/greeting.yaml").is_file()
    assert "cd shop/prompting && dakora dev" in made.err


def test_a_folder_that_cannot_be_made_is_said_without_a_traceback(user):
    user.write("taken", "a file")
    failed = user("init", "taken")
    assert failed.code == 1
    assert failed.err.startswith("Error: ")
    assert "taken" in failed.err


def test_the_env_file_names_settings_that_exist(user):
    user("init")
    lines = (user.folder / ".env").read_text().splitlines()
    named = {line.removeprefix("# ").split("=")[0] for line in lines if "=" in line}
    assert named
    assert all(line.startswith("#") or not line for line in lines)
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_dev_turns_into_the_server(user):
    assert user("dev").code == 0
    assert user.became == [["-P", "-m", "dakora_server", "dev", "--data-dir", ".dakora"]]


def test_dev_hands_its_flags_on(user):
    user("dev", "--prompts", "my prompts", "--host", "::1", "--port", "0", "--data-dir", "/x")
    flags = ["--prompts", "my prompts", "--host", "::1", "--port", "0", "--data-dir", "/x"]
    assert user.became == [["-P", "-m", "dakora_server", "dev", *flags]]
