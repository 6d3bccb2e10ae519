import { useState } from "react";
import { isMap, parseDocument, stringify } from "yaml";
import type { PromptDraft } from "@/features/prompts/queries";
import { CodeEditor } from "./code-editor";

const FIELDS = ["version", "description", "template", "messages", "inputs", "model", "tools", "response_schema", "metadata", "folder"] as const;
type Fault = { message: string; line: number; column: number };

/** The whole prompt as one YAML document: the place for tools, a response schema and metadata. */
export default function YamlEditor({ draft, change }: { draft: PromptDraft; change: (part: Partial<PromptDraft>) => void }) {
  const [text, setText] = useState(() => yamlOf(draft));
  const [faults, setFaults] = useState<Fault[]>([]);
  const read = (to: string) => {
    setText(to);
    const parsed = parseDocument(to, { prettyErrors: true });
    if (parsed.errors.length === 0 && !isMap(parsed.contents)) {
      setFaults([{ message: "A prompt is a list of fields, like `template: Hello`.", line: 1, column: 1 }]);
      return;
    }
    setFaults(
      parsed.errors.map((error) => ({
        message: error.message.split("\n")[0] ?? error.message,
        line: error.linePos?.[0].line ?? 1,
        column: error.linePos?.[0].col ?? 1,
      })),
    );
    if (parsed.errors.length > 0) return;
    const given = parsed.toJS() as Record<string, unknown>;
    change(Object.fromEntries(FIELDS.map((name) => [name, given[name] ?? (name === "inputs" || name === "metadata" ? {} : name === "description" || name === "folder" ? "" : undefined)])));
  };
  return (
    <>
      <CodeEditor label="The prompt as YAML" language="yaml" value={text} onChange={read} faults={faults} className="[&_.cm-content]:min-h-96! [&_.cm-scroller]:max-h-[70dvh]" />
      <p className="mt-2 min-h-5 text-[13px] text-rose" aria-live="polite">
        {faults[0] && `Line ${faults[0].line}: ${faults[0].message}`}
      </p>
    </>
  );
}

/** The draft's fields that say something, in the order of a file. */
export function yamlOf(draft: PromptDraft): string {
  const isSaid = (value: unknown) => value != null && value !== "" && !(typeof value === "object" && Object.keys(value).length === 0);
  const said = FIELDS.filter((name) => isSaid(draft[name])).map((name) => [name, draft[name]]);
  return stringify(Object.fromEntries([["id", draft.id], ...said]), { lineWidth: 0 });
}
