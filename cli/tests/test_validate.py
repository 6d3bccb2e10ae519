"""Checking files without a server, and which files there are."""

import pytest

GOOD = "id: {id}\nversion: 1.0.0\ntemplate: |\n  Hello {{{{ name }}}}!\ninputs:\n  name: {{type: string}}\n"


def good(prompt_id):
    return GOOD.format(id=prompt_id)


def test_every_yaml_file_counts_and_nothing_else_does(user):
    user.write("prompts/a.yaml", good("a"))
    user.write("prompts/deep/er/b.yml", good("b"))
    for name in (".hidden.yaml", ".git/c.yaml", "notes.md", "b.yaml~"):
        user.write(f"prompts/{name}", "not: [a prompt")
    assert user("validate", "--json").json["files"] == 2
    assert user("validate").code == 0


def test_faults_name_file_line_and_column(user):
    user.write("prompts/bad.yaml", "id: bad\ntemplate: 5\nfoo: bar\n")
    user.write("prompts/worse.yaml", "id: worse\ntemplate: [\n")
    shown = user("validate")
    assert shown.code == 1
    lines = shown.out.splitlines()
    assert lines[0].startswith("prompts/bad.yaml:2:11: `template` must be text")
    assert lines[1].startswith("prompts/bad.yaml:3:1: `foo` is not a known field")
    assert lines[2].startswith("prompts/worse.yaml:3:1: ")
    assert shown.err == "2 prompts, 3 errors, 0 warnings\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("id: x\ntemplate: |\n  fine\n  {{ a.b( }}\n", "prompts/x.yaml:4:11:"),
        ("id: x\ntemplate: |2\n    indented\n   {{ a b }}\n", "prompts/x.yaml:4:"),
        ('id: x\ntemplate: "Hi {{ a b }}"\n', "prompts/x.yaml:2:"),
        ("id: x\nmessages:\n- role: user\n  content: |-\n    {% if a %}\n", "prompts/x.yaml:5:"),
        ("id: x\ntemplate: >\n  {{ a b }}\n", "prompts/x.yaml:2:11:"),
        ("id: x\ntemplate: a\nresponse_schema: {type: banana}\n", "prompts/x.yaml:3:"),
    ],
)
def test_a_fault_in_a_template_is_found_in_its_file(user, text, place):
    user.write("prompts/x.yaml", text)
    shown = user("validate")
    assert shown.code == 1
    assert shown.out.startswith(place), shown.out


def test_inputs_that_do_not_match_the_text_are_warnings(user):
    declared = "inputs:\n  unused: {type: string}\n  maybe: {type: string, required: false}\n"
    user.write("prompts/x.yaml", "id: x\ntemplate: '{{ free }} {{ maybe }}'\n" + declared)
    shown = user("validate", "--json")
    assert shown.code == 0
    assert shown.json["errors"] == []
    found = {(one["type"], one["line"]) for one in shown.json["warnings"]}
    assert found == {("undeclared_input", 2), ("unused_input", 4), ("bare_optional", 5)}


def test_includes_are_no_fault_and_may_use_what_the_text_does_not(user):
    declared = "inputs:\n  name: {type: string}\n  who: {type: string}\n"
    user.write("prompts/x.yaml", "id: x\ntemplate: '{% include \"tone/polite\" %} {{ name }}'\n" + declared)
    assert user("validate", "--json").json == {"ok": True, "files": 1, "errors": [], "warnings": []}


def test_a_prompt_that_declares_nothing_takes_everything(user):
    user.write("prompts/x.yaml", "id: x\ntemplate: '{{ free }}'\n")
    assert user("validate", "--json").json["warnings"] == []


def test_two_files_with_one_id_are_named_both(user):
    user.write("prompts/a.yaml", good("same"))
    user.write("prompts/b/c.yaml", good("SAME"))
    shown = user("validate")
    assert shown.code == 1
    assert shown.out == "prompts/b/c.yaml: The id SAME is also in prompts/a.yaml.\n"
    assert user("validate", "prompts/a.yaml", "prompts/b/c.yaml").code == 1


def test_a_file_named_twice_is_one_file(user):
    user.write("prompts/a.yaml", good("a"))
    assert user("validate", "prompts/a.yaml", "prompts", "--json").json["files"] == 1


def test_links_that_lead_out_of_the_folder_are_refused(user):
    user.write("outside/secret.yaml", good("secret"))
    user.write("prompts/inside.yaml", good("inside"))
    (user.folder / "prompts/out.yaml").symlink_to(user.folder / "outside/secret.yaml")
    (user.folder / "prompts/dir").symlink_to(user.folder / "outside")
    (user.folder / "prompts/dangling.yaml").symlink_to("/nowhere/at/all.yaml")
    shown = user("validate")
    assert shown.code == 1
    assert shown.out.splitlines() == [
        f"prompts/{name}: This link leads out of the folder." for name in ("dangling.yaml", "dir", "out.yaml")
    ]


def test_a_folder_that_links_to_itself_ends(user):
    user.write("prompts/a.yaml", good("a"))
    (user.folder / "prompts/again").symlink_to(user.folder / "prompts")
    assert user("validate", "--json").json == {"ok": True, "files": 1, "errors": [], "warnings": []}


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"id: x\x00", b"a" * (1024 * 1024 + 1), b"", b"&a [*a, *a]"])
def test_files_that_are_no_prompts_are_faults_and_no_traceback(user, raw):
    user.write("prompts/x.yaml", "")
    (user.folder / "prompts/x.yaml").write_bytes(raw)
    shown = user("validate")
    assert shown.code == 1
    assert shown.out.startswith("prompts/x.yaml:1:")


def test_a_pipe_in_the_folder_is_not_read(user):
    import os

    user.write("prompts/a.yaml", good("a"))
    os.mkfifo(user.folder / "prompts/pipe.yaml")
    shown = user("validate")
    assert shown.code == 1
    assert shown.out == "prompts/pipe.yaml: This is no regular file.\n"


def test_a_sub_folder_the_server_cannot_store_is_a_fault(user):
    user.write("prompts/älter/a.yaml", good("a"))
    shown = user("validate")
    assert shown.code == 1
    assert "cannot be stored" in shown.out


def test_what_is_not_there_is_wrong_use(user):
    assert user("validate").code == 2
    assert user("validate", "nothing.yaml").code == 2


def test_promptvault_yaml_names_the_folder(user):
    user.write("promptvault.yaml", "prompt_dir: texts\n")
    user.write("texts/a.yaml", good("a"))
    assert user("validate", "--json").json["files"] == 1
    user.write("promptvault.yaml", "prompt_dirs: texts\n")
    refused = user("validate")
    assert refused.code == 2
    assert "promptvault.yaml:1:1: `prompt_dirs` is no key of this file; the nearest one is `prompt_dir`" in refused.err
