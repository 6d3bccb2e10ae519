import { autocompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { jinja } from "@codemirror/lang-jinja";
import { syntaxTree } from "@codemirror/language";
import type { Diagnostic } from "@codemirror/lint";
import type { EditorState, Text } from "@codemirror/state";
import type { InputSpec } from "@/features/prompts/queries";
import type { Schemas } from "@/lib/api/client";

// As in server/dakora_server/core/templates/filters.py; docs/errors.md says `unknown_filter` to any other.
export const FILTERS =
  "abs batch capitalize count default dictsort escape filesizeformat first float groupby indent int items join last length list lower map max min reject rejectattr replace reverse round safe select selectattr slice sort string striptags sum title tojson trim truncate unique upper urlencode wordcount yaml".split(" ");
const TAGS = ["if", "elif", "else", "endif", "for", "endfor", "set", "include"];

export type Surroundings = { inputs: Record<string, InputSpec>; parts: { id: string; description: string }[] };

/** What may stand here: inputs and filters inside of braces, tags after `{%`, parts inside of an include's quotes. */
export function completeJinja(around: () => Surroundings) {
  return (context: CompletionContext): CompletionResult | null => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const inside = before.slice(Math.max(before.lastIndexOf("{{"), before.lastIndexOf("{%")));
    if (!/^\{[{%]/.test(inside) || /[}%]\}/.test(inside)) return null;
    const { inputs, parts } = around();
    const part = /include\s+(["'])([\w./@-]*)$/.exec(inside);
    if (part) {
      const options = parts.map((one): Completion => ({ label: one.id, type: "class", detail: one.description.slice(0, 40) }));
      return { from: context.pos - (part[2]?.length ?? 0), options, validFor: /^[\w./@-]*$/ };
    }
    const filter = /\|\s*(\w*)$/.exec(inside);
    if (filter) {
      const options = FILTERS.map((label): Completion => ({ label, type: "function", detail: "filter" }));
      return { from: context.pos - (filter[1]?.length ?? 0), options, validFor: /^\w*$/ };
    }
    const word = /(\w*)$/.exec(inside)?.[1] ?? "";
    if (!word && !context.explicit && !/\{[{%]-?\s*$/.test(inside)) return null;
    if (/\.\w*$/.test(inside)) return null;
    const options: Completion[] = Object.entries(inputs).map(([label, spec]) => ({
      label,
      type: "variable",
      detail: spec.type,
      info: spec.description ?? undefined,
      boost: 2,
    }));
    if (/^\{%-?\s*\w*$/.test(inside)) options.push(...TAGS.map((label): Completion => ({ label, type: "keyword" })));
    return { from: context.pos - word.length, options, validFor: /^\w*$/ };
  };
}

export const jinjaSupport = (around: () => Surroundings) => [
  jinja().language,
  autocompletion({ override: [completeJinja(around)], icons: false }),
];

type Fault = Pick<Schemas["ProblemFault"], "message" | "line" | "column">;

/** A place in the text as the server counts it (from 1, in characters), as a position of ours. */
export function positionOf(doc: Text, line: number | null | undefined, column: number | null | undefined): number {
  const at = doc.line(Math.min(Math.max(line ?? 1, 1), doc.lines));
  return Math.min(at.from + [...at.text].slice(0, Math.max((column ?? 1) - 1, 0)).join("").length, at.to);
}

/** Where the names stand in the text, each time. */
export function placesOf(state: EditorState, names: Set<string>): { name: string; from: number; to: number }[] {
  const found: { name: string; from: number; to: number }[] = [];
  if (names.size === 0) return found;
  syntaxTree(state).iterate({
    enter(node) {
      if (node.name !== "VariableName") return;
      const name = state.sliceDoc(node.from, node.to);
      if (names.has(name)) found.push({ name, from: node.from, to: node.to });
    },
  });
  return found;
}

/** The server's faults and the undeclared inputs, under the words that they are about. */
export function diagnosticsOf(
  state: EditorState,
  faults: Fault[],
  missing: string[],
  declare: (name: string) => void,
): Diagnostic[] {
  const wrong = faults.map((fault): Diagnostic => {
    const from = positionOf(state.doc, fault.line, fault.column);
    const word = /^\w+/.exec(state.sliceDoc(from, Math.min(from + 60, state.doc.length)))?.[0].length ?? 1;
    return { from, to: Math.min(from + word, state.doc.length), severity: "error", message: fault.message };
  });
  const undeclared = placesOf(state, new Set(missing)).map(
    ({ name, from, to }): Diagnostic => ({
      from,
      to,
      severity: "warning",
      message: `${name} is not declared as an input.`,
      actions: [{ name: "Declare it", apply: () => declare(name) }],
    }),
  );
  return [...wrong, ...undeclared].sort((a, b) => a.from - b.from);
}
