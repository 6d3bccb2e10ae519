"""Parts over HTTP: saved, included, followed, deleted."""

import asyncio
import random

import pytest


class Parts:
    """A project's parts, asked for in few words."""

    def __init__(self, project):
        self.project = project
        self.client = project.client
        self.url = project.prompts.removesuffix("/prompts") + "/parts"

    async def create(self, part_id, template, **more):
        answer = await self.client.post(self.url, json={"id": part_id, "template": template, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def save(self, part_id, template, **more):
        answer = await self.client.put(f"{self.url}/{part_id}", json={"template": template, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def prompt(self, prompt_id, **query):
        answer = await self.client.get(f"{self.project.prompts}/{prompt_id}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def render(self, prompt_id, inputs=None, **more):
        answer = await self.client.post(
            f"{self.project.prompts}/{prompt_id}/render", json={"inputs": inputs or {}, **more}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def parts(project):
    return Parts(project)


def used(answer):
    return [(part["id"], part["version_number"]) for part in answer["parts"]]


class TestSaving:
    async def test_a_part_is_versioned_like_a_prompt(self, parts):
        made = await parts.create("tone/polite", "Be polite, {{ name }}.", description="Manners", message="first")
        assert (made["id"], made["category"], made["part_id"]) == ("tone/polite", "tone", "polite")
        assert (made["version"], made["version_number"], made["variables"]) == ("1.0.0", 1, ["name"])
        saved = await parts.save("tone/polite", "Be kind.", message="kinder")
        assert (saved["version"], saved["version_number"]) == ("1.0.1", 2)
        same = await parts.save("tone/polite", "Be kind.")
        assert same["version_number"] == 2
        older = await parts.client.get(f"{parts.url}/tone/polite", params={"version": "1"})
        assert older.json()["template"] == "Be polite, {{ name }}."
        history = (await parts.client.get(f"{parts.url}/tone/polite/versions")).json()
        assert [(line["version_number"], line["message"]) for line in history] == [(2, "kinder"), (1, "first")]
        diff = (await parts.client.get(f"{parts.url}/tone/polite/versions/1/diff/2")).json()
        assert {change["field"] for change in diff["changes"]} >= {"template", "description"}
        back = await parts.client.post(f"{parts.url}/tone/polite/rollback", json={"version": 1})
        assert (back.json()["version_number"], back.json()["template"]) == (3, "Be polite, {{ name }}.")

    async def test_a_part_can_be_named_by_its_halves(self, parts):
        made = await parts.client.post(parts.url, json={"category": "tone", "part_id": "calm", "template": "Calm."})
        assert (made.status_code, made.json()["id"]) == (201, "tone/calm")
        assert made.headers["location"].endswith("/parts/tone/calm")
        for wrong in ({"category": "tone"}, {"id": "a/b", "category": "tone", "part_id": "calm"}, {}):
            answer = await parts.client.post(parts.url, json={"template": "x", **wrong})
            assert answer.status_code == 422, wrong
        other = await parts.client.put(f"{parts.url}/tone/calm", json={"id": "tone/loud", "template": "x"})
        assert other.status_code == 422

    async def test_what_only_a_prompt_has_is_refused(self, parts):
        for more in ({"messages": []}, {"inputs": {}}, {"model": {"provider": "p", "name": "n"}}):
            answer = await parts.client.post(parts.url, json={"id": "a/b", "template": "x", **more})
            assert answer.status_code == 422, more
        for wrong in ("a", "a/", "/b", "a/b/c", "a b/c", "a/b@2", "../a/b", "é/b", "a/" + "b" * 129):
            answer = await parts.client.post(parts.url, json={"id": wrong, "template": "x"})
            assert answer.status_code == 422, wrong

    async def test_ids_differ_in_more_than_case(self, parts):
        await parts.create("Tone/Polite", "x")
        answer = await parts.client.post(parts.url, json={"id": "tone/polite", "template": "y"})
        assert (answer.status_code, answer.json()["code"]) == (409, "part_exists")

    async def test_a_stale_save_changes_nothing(self, parts):
        await parts.create("a/b", "one")
        etag = (await parts.client.get(f"{parts.url}/a/b")).headers["etag"]
        assert (await parts.client.get(f"{parts.url}/a/b", headers={"if-none-match": etag})).status_code == 304
        await parts.save("a/b", "two")
        refused = await parts.client.put(f"{parts.url}/a/b", json={"template": "three"}, headers={"if-match": etag})
        assert (refused.status_code, refused.json()["code"]) == (412, "stale_version")

    async def test_the_list_is_by_category_and_paged(self, parts):
        for part_id in ("b/two", "a/one", "b/one", "c/x"):
            await parts.create(part_id, "x", metadata={"tags": ["t"]})
        body = (await parts.client.get(parts.url)).json()
        assert {category: [part["part_id"] for part in found] for category, found in body["by_category"].items()} == {
            "a": ["one"],
            "b": ["one", "two"],
            "c": ["x"],
        }
        seen, address = [], f"{parts.url}?limit=3"
        while address:
            answer = await parts.client.get(address)
            seen += [part["id"] for found in answer.json()["by_category"].values() for part in found]
            address = answer.links.get("next", {}).get("url")
        assert seen == ["a/one", "b/one", "b/two", "c/x"]
        only = (await parts.client.get(parts.url, params={"category": "b", "search": "TWO"})).json()
        assert list(only["by_category"]) == ["b"]
        assert [part["id"] for part in only["by_category"]["b"]] == ["b/two"]


class TestRendering:
    async def test_a_render_names_the_exact_versions(self, parts):
        await parts.create("tone/polite", "Please, {{ name }}!\n")
        await parts.create("frame/mail", "Dear {{ name }}\n{% include 'tone/polite' %}")
        made = await parts.project.create("p", "[{% include 'frame/mail' %}]{% include 'tone/polite@1' %}")
        assert used(made) == [("frame/mail", 1), ("tone/polite", 1)]
        rendered = await parts.render("p", {"name": "Ada"})
        assert rendered["rendered"] == "[Dear Ada\nPlease, Ada!]Please, Ada!"
        assert used(rendered) == [("frame/mail", 1), ("tone/polite", 1)]

    async def test_a_chat_message_includes_parts(self, parts):
        await parts.create("role/helper", "You help {{ who }}.")
        await parts.project.client.post(
            parts.project.prompts,
            json={"id": "chat", "messages": [{"role": "system", "content": "{% include 'role/helper' %} Be brief."}]},
        )
        rendered = await parts.render("chat", {"who": "Ada"})
        assert rendered["messages"] == [{"role": "system", "content": "You help Ada. Be brief."}]

    async def test_a_value_is_no_template(self, parts):
        await parts.create("a/b", "{{ name }}")
        await parts.project.create("p", "{% include 'a/b' %}")
        rendered = await parts.render("p", {"name": "{% include 'a/b' %}{{ 7*7 }}"})
        assert rendered["rendered"] == "{% include 'a/b' %}{{ 7*7 }}"

    async def test_an_error_inside_a_part_names_the_part_and_the_line_of_the_include(self, parts):
        await parts.create("a/b", "x\n{{ missing.name }}")
        await parts.project.create("p", "one\n{% include 'a/b' %}")
        answer = await parts.client.post(f"{parts.project.prompts}/p/render", json={"inputs": {}})
        assert answer.status_code == 422
        fault = answer.json()["errors"][0]
        assert "a/b@1" in fault["message"]
        assert fault["line"] == 2

    async def test_includes_alone_can_be_expanded(self, parts):
        await parts.create("a/deep", "deep {{ d }}\n")
        await parts.create("a/b", "b({% include 'a/deep' %}) {# kept #}\n")
        text = (
            "{% raw %}{% include 'a/b' %}{% endraw %}{# {% include 'a/b' %} #}\n"
            "{% if x %} {%- include 'a/b' -%} {{ y }}{% endif %}\n{%+ include \"a/b@1\" %}\n"
        )
        await parts.project.create("p", text)
        expanded = await parts.render("p", resolve_includes_only=True)
        assert expanded["rendered"] == (
            "{% raw %}{% include 'a/b' %}{% endraw %}{# {% include 'a/b' %} #}\n"
            "{% if x %}b(deep {{ d }}) {# kept #}{{ y }}{% endif %}\nb(deep {{ d }}) {# kept #}\n"
        )
        assert used(expanded) == [("a/b", 1), ("a/deep", 1)]

    async def test_an_expansion_that_grows_without_bound_is_stopped(self, parts):
        await parts.create("bomb/0", "0123456789" * 100)
        for level in range(1, 5):
            await parts.create(f"bomb/{level}", f"{{% include 'bomb/{level - 1}' %}}" * 30)
        await parts.project.create("p", "{% include 'bomb/4' %}")
        for more in ({"resolve_includes_only": True}, {}):
            answer = await parts.client.post(f"{parts.project.prompts}/p/render", json={"inputs": {}, **more})
            assert (answer.status_code, answer.json()["code"]) == (422, "render_limit_exceeded")

    async def test_validate_knows_the_parts(self, parts):
        await parts.create("a/b", "{{ inner }} {{ shared }}")
        template = "{% include 'a/b' %}{% include 'no/such' %}{{ shared }}"
        answer = await parts.client.post(
            f"{parts.project.prompts}/validate",
            json={"template": template, "declared_variables": ["shared", "other"]},
        )
        body = answer.json()
        assert not body["ok"]
        assert [error["message"] for error in body["errors"]] == ["There is no part no/such."]
        good = await parts.client.post(
            f"{parts.project.prompts}/validate",
            json={"template": "{% include 'a/b' %}{{ shared }}", "declared_variables": ["shared", "other"]},
        )
        body = good.json()
        assert body["ok"]
        assert (body["variables_used"], body["variables_unused"]) == (["inner", "shared"], ["other"])
        assert [warning["type"] for warning in body["warnings"]] == ["undeclared_in_part"]


class TestFollowing:
    async def test_a_new_part_makes_a_new_version_of_what_follows_it_and_of_nothing_else(self, parts):
        await parts.create("tone/polite", "Please.")
        await parts.create("frame/mail", "Dear. {% include 'tone/polite' %}")
        await parts.project.create("deep", "{% include 'frame/mail' %}")
        await parts.project.create("direct", "{% include 'tone/polite' %}")
        await parts.project.create("pinned", "{% include 'tone/polite@1' %}")
        await parts.project.create("pinned-frame", "{% include 'frame/mail@1' %}")
        await parts.project.create("plain", "none")
        etag = (await parts.client.get(f"{parts.project.prompts}/deep")).headers["etag"]
        await parts.save("tone/polite", "Kindly.", message="kinder")
        versions = {
            prompt_id: (await parts.prompt(prompt_id))["version_number"]
            for prompt_id in ("deep", "direct", "pinned", "pinned-frame", "plain")
        }
        assert versions == {"deep": 2, "direct": 2, "pinned": 1, "pinned-frame": 1, "plain": 1}
        frame = (await parts.client.get(f"{parts.url}/frame/mail")).json()
        assert (frame["version_number"], frame["message"]) == (2, "tone/polite is at version 2")
        assert (await parts.render("deep"))["rendered"] == "Dear. Kindly."
        assert (await parts.render("deep", version=1))["rendered"] == "Dear. Please."
        assert (await parts.render("pinned"))["rendered"] == "Please."
        assert (await parts.render("pinned-frame"))["rendered"] == "Dear. Please."
        fresh = await parts.client.get(f"{parts.project.prompts}/deep", headers={"if-none-match": etag})
        assert fresh.status_code == 200
        diff = (await parts.client.get(f"{parts.project.prompts}/deep/versions/1/diff/2")).json()
        assert diff["changes"] == [
            {
                "field": "parts",
                "op": "changed",
                "before": ["frame/mail@1", "tone/polite@1"],
                "after": ["frame/mail@2", "tone/polite@2"],
            }
        ]

    async def test_what_a_label_points_to_renders_as_it_did(self, parts):
        await parts.create("tone/polite", "Please.")
        await parts.project.create("p", "{% include 'tone/polite' %}")
        await parts.client.put(f"{parts.project.prompts}/p/labels/production", json={"version": 1})
        await parts.save("tone/polite", "Kindly.")
        assert (await parts.render("p", label="production"))["rendered"] == "Please."
        assert (await parts.render("p"))["rendered"] == "Kindly."

    async def test_sending_the_same_prompt_again_changes_nothing(self, parts):
        await parts.create("a/b", "x")
        await parts.project.create("p", "{% include 'a/b' %}")
        await parts.save("a/b", "y")
        same = await parts.project.save("p", "{% include 'a/b' %}")
        assert same["version_number"] == 2

    async def test_a_rollback_takes_the_newest_parts(self, parts):
        await parts.create("a/b", "x")
        await parts.project.create("p", "old {% include 'a/b' %}")
        await parts.project.save("p", "new")
        await parts.save("a/b", "y")
        back = await parts.client.post(f"{parts.project.prompts}/p/rollback", json={"version": 1})
        assert (back.json()["version_number"], used(back.json())) == (3, [("a/b", 2)])
        assert (await parts.render("p"))["rendered"] == "old y"

    async def test_savers_of_parts_and_prompts_leave_nobody_behind(self, parts):
        # Every save that was answered is in; whoever was saved in between follows.
        await parts.create("a/b", "0")
        await asyncio.gather(*(parts.project.create(f"p{n}", "{% include 'a/b' %}") for n in range(4)))

        async def save_parts():
            for number in range(1, 9):
                await parts.save("a/b", str(number))

        async def save_prompt(prompt_id):
            for number in range(8):
                await parts.project.save(prompt_id, f"{number} {{% include 'a/b' %}}")

        await asyncio.gather(save_parts(), *(save_prompt(f"p{n}") for n in range(4)))
        head = (await parts.client.get(f"{parts.url}/a/b")).json()
        assert head["version_number"] == 9
        for number in range(4):
            prompt = await parts.prompt(f"p{number}")
            assert used(prompt) == [("a/b", 9)]
            history = (await parts.client.get(f"{parts.project.prompts}/p{number}/versions?limit=200")).json()
            assert [line["version_number"] for line in history] == list(range(prompt["version_number"], 0, -1))


class TestRefusals:
    async def test_unknown_parts_are_named_when_saving(self, parts):
        await parts.create("a/b", "x")
        for wrong in ("no/such", "a/b@2", "a/B", "a", "a/b@0", "a/b@", "A/b"):
            answer = await parts.client.post(
                parts.project.prompts, json={"id": "p", "template": f"{{% include '{wrong}' %}}"}
            )
            assert (answer.status_code, answer.json()["code"]) == (422, "template_invalid"), wrong
            assert wrong in answer.json()["errors"][0]["message"]

    async def test_a_part_never_includes_itself(self, parts):
        await parts.create("a/one", "x")
        await parts.create("a/two", "{% include 'a/one' %}")
        await parts.create("a/three", "{% include 'a/two@1' %}")
        for part_id, text in (("a/one", "{% include 'a/one' %}"), ("a/one", "{% include 'a/three' %}")):
            answer = await parts.client.put(f"{parts.url}/{part_id}", json={"template": text})
            assert (answer.status_code, answer.json()["code"]) == (409, "include_cycle"), text
        new = await parts.client.post(parts.url, json={"id": "a/new", "template": "{% include 'a/new' %}"})
        assert new.status_code == 409
        assert (await parts.client.get(f"{parts.url}/a/one")).json()["version_number"] == 1

    async def test_five_deep_is_the_deepest(self, parts):
        await parts.create("d/1", "x")
        for depth in range(2, 6):
            await parts.create(f"d/{depth}", f"{{% include 'd/{depth - 1}' %}}")
        await parts.project.create("deepest", "{% include 'd/5' %}")
        over = await parts.client.post(parts.url, json={"id": "d/6", "template": "{% include 'd/5' %}"})
        assert over.status_code == 201
        answer = await parts.client.post(parts.project.prompts, json={"id": "p", "template": "{% include 'd/6' %}"})
        assert (answer.status_code, answer.json()["errors"][0]["type"]) == (422, "includes_too_deep")
        # A change at the bottom that would push those above over the limit is refused, and says whom.
        await parts.create("e/1", "x")
        deeper = await parts.client.put(f"{parts.url}/d/1", json={"template": "{% include 'e/1' %}"})
        assert deeper.status_code == 422
        assert "d/6" in deeper.json()["detail"] or "deepest" in deeper.json()["detail"]
        assert (await parts.client.get(f"{parts.url}/d/1")).json()["version_number"] == 1

    async def test_more_than_64_includes_are_refused(self, parts):
        for number in range(9):
            await parts.create(f"leaf/{number}", "x")
        leaves = "".join(f"{{% include 'leaf/{number}' %}}" for number in range(9))
        for number in range(6):
            await parts.create(f"branch/{number}", leaves)
        branches = [f"{{% include 'branch/{number}' %}}" for number in range(6)]
        await parts.project.create("many", "".join(branches) + "{% include 'leaf/0' %}" * 50)
        extra = "".join(f"{{% include 'leaf/{number}' %}}" for number in range(5))
        answer = await parts.client.post(parts.project.prompts, json={"id": "p", "template": "".join(branches) + extra})
        assert (answer.status_code, answer.json()["errors"][0]["type"]) == (422, "too_many_includes")

    async def test_random_graphs_never_hold_a_cycle(self, parts):
        draw = random.Random(7)
        names = [f"g/{number}" for number in range(12)]
        edges = {name: set() for name in names}
        for name in names:
            await parts.create(name, name)

        def reaches(start, goal):
            seen, open_ends = set(), [start]
            while open_ends:
                here = open_ends.pop()
                if here == goal:
                    return True
                if here not in seen:
                    seen.add(here)
                    open_ends += edges[here]
            return False

        cycles = 0
        for turn in range(150):
            name, targets = draw.choice(names), set(draw.sample(names, draw.randint(0, 2)))
            text = f"{turn}" + "".join(f"{{% include '{target}' %}}" for target in sorted(targets))
            answer = await parts.client.put(f"{parts.url}/{name}", json={"template": text})
            if any(reaches(target, name) for target in targets):
                cycles += 1
                assert (answer.status_code, answer.json()["code"]) == (409, "include_cycle")
            elif answer.status_code == 200:
                edges[name] = targets
            else:
                # Too deep for somebody above.
                assert (answer.status_code, answer.json()["code"]) == (422, "template_invalid")
        assert cycles > 10


class TestDeleting:
    async def test_a_part_in_use_stays_unless_forced(self, parts):
        await parts.create("tone/polite", "Please.")
        await parts.create("frame/mail", "{% include 'tone/polite' %}")
        await parts.project.create("p", "{% include 'frame/mail' %}")
        refused = await parts.client.delete(f"{parts.url}/tone/polite")
        assert (refused.status_code, refused.json()["code"]) == (409, "part_in_use")
        assert {tuple(error["loc"]) for error in refused.json()["errors"]} == {("part", "frame/mail"), ("prompt", "p")}
        forced = await parts.client.delete(f"{parts.url}/tone/polite", params={"force": "true"})
        assert forced.status_code == 204
        assert (await parts.client.get(f"{parts.url}/tone/polite")).status_code == 404
        assert (await parts.render("p"))["rendered"] == "Please."
        again = await parts.client.put(
            f"{parts.project.prompts}/p", json={"template": "new {% include 'tone/polite' %}"}
        )
        assert again.status_code == 422
        held = await parts.client.post(parts.url, json={"id": "tone/polite", "template": "x"})
        assert (held.status_code, held.json()["code"]) == (409, "part_archived")
        restored = await parts.client.post(f"{parts.url}/tone/polite/restore")
        assert (restored.status_code, restored.json()["version_number"]) == (200, 1)
        await parts.save("tone/polite", "Kindly.")
        assert (await parts.render("p"))["rendered"] == "Kindly."

    async def test_usages_say_who_and_which(self, parts):
        await parts.create("a/b", "x")
        await parts.create("a/c", "{% include 'a/b' %}")
        await parts.project.create("through", "{% include 'a/c' %}")
        await parts.project.create("labelled", "{% include 'a/b@1' %}")
        await parts.client.put(f"{parts.project.prompts}/labelled/labels/production", json={"version": 1})
        await parts.project.save("labelled", "no more")
        await parts.project.create("gone", "{% include 'a/b' %}")
        await parts.client.delete(f"{parts.project.prompts}/gone")
        found = (await parts.client.get(f"{parts.url}/a/b/usages")).json()
        assert [(one["kind"], one["id"], one["direct"], one["follows"], one["labels"]) for one in found] == [
            ("part", "a/c", True, True, []),
            ("prompt", "labelled", True, False, ["production"]),
            ("prompt", "through", False, True, []),
        ]

    async def test_an_unused_part_goes_and_comes_back(self, parts):
        await parts.create("a/b", "x")
        assert (await parts.client.delete(f"{parts.url}/a/b")).status_code == 204
        assert (await parts.client.delete(f"{parts.url}/a/b")).status_code == 404
        assert (await parts.client.get(parts.url)).json() == {"by_category": {}}
        assert (await parts.client.post(f"{parts.url}/a/b/restore")).status_code == 200
        assert (await parts.client.post(f"{parts.url}/no/such/restore")).status_code == 404
