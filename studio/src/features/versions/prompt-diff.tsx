import { TextDiff } from "@/components/ui/text-diff";
import type { PromptDraft } from "@/features/prompts/queries";

const asText = (value: unknown): string => (value == null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));
const chatText = (messages: PromptDraft["messages"]) => messages?.map((one) => `[${one.role}]\n${one.content}`).join("\n\n") ?? "";
const PARTS: [string, (draft: PromptDraft) => string][] = [
  ["Text", (draft) => (draft.messages ? chatText(draft.messages) : draft.template ?? "")],
  ["Description", (draft) => draft.description ?? ""],
  ["Inputs", (draft) => asText(Object.keys(draft.inputs ?? {}).length ? draft.inputs : null)],
  ["Model", (draft) => asText(draft.model)],
  ["Tools", (draft) => asText(draft.tools)],
  ["Response schema", (draft) => asText(draft.response_schema)],
  ["Metadata", (draft) => asText(Object.keys(draft.metadata ?? {}).length ? draft.metadata : null)],
];

/** What differs between two states of a prompt, part by part: text, inputs, settings. */
export function PromptDiff({ before, after }: { before: PromptDraft; after: PromptDraft }) {
  const changed = PARTS.map(([name, read]) => [name, read(before), read(after)] as const).filter(([, a, b]) => a !== b);
  if (changed.length === 0) return <p className="text-soft">There is no difference.</p>;
  return (
    <div className="flex flex-col gap-4">
      {changed.map(([name, a, b]) => (
        <section key={name}>
          <h3 className="mb-1.5 text-[13px] font-medium text-soft">{name}</h3>
          <TextDiff before={a} after={b} label={`${name}: what changed`} />
        </section>
      ))}
    </div>
  );
}
