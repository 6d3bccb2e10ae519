import { CompletionContext } from "@codemirror/autocomplete";
import { jinja } from "@codemirror/lang-jinja";
import { EditorState, Text } from "@codemirror/state";
import { expect, test } from "vitest";
import { completeJinja, diagnosticsOf, positionOf } from "./jinja";

const around = { inputs: { customer: { type: "string" as const, required: true } }, parts: [{ id: "tone/kind", description: "" }] };
const offered = (text: string) => {
  const state = EditorState.create({ doc: text, extensions: [jinja().language] });
  return completeJinja(() => around)(new CompletionContext(state, text.length, true))?.options.map((one) => one.label);
};

test("inputs are offered inside of braces and nowhere else", () => {
  expect(offered("Hi {{ cu")).toContain("customer");
  expect(offered("Hi cu")).toBeUndefined();
  expect(offered("{{ customer }} and cu")).toBeUndefined();
});

test("filters come after a bar, parts inside of an include's quotes", () => {
  expect(offered("{{ customer | up")).toContain("upper");
  expect(offered('{% include "to')).toEqual(["tone/kind"]);
});

test("a fault's column counts characters, not halves of them", () => {
  expect(positionOf(Text.of(["😀😀 {{ x"]), 1, 4)).toBe(5);
  expect(positionOf(Text.of(["a", "b"]), 99, 99)).toBe(3);
});

test("an undeclared input is marked each time it stands there, with one click to declare it", () => {
  const state = EditorState.create({ doc: "{{ town }} town {{ town | upper }}", extensions: [jinja().language] });
  const declared: string[] = [];
  const found = diagnosticsOf(state, [], ["town"], (name) => declared.push(name));
  expect(found.map((one) => [one.from, one.to])).toEqual([[3, 7], [19, 23]]);
  found[0]?.actions?.[0]?.apply({} as never, 0, 0);
  expect(declared).toEqual(["town"]);
});
