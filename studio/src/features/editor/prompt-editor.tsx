import { useQuery } from "@tanstack/react-query";
import { Suspense, lazy, useMemo, useState } from "react";
import { Card } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Field, Input, Select } from "@/components/ui/field";
import { partsQuery } from "@/features/parts/queries";
import type { PromptDraft } from "@/features/prompts/queries";
import { useDebounced } from "@/lib/hooks";
import { CodeEditor } from "./code-editor";
import { InputsEditor, JsonField } from "./inputs-editor";
import { InputsForm, givenOf, type Values } from "./inputs-form";
import { MessagesEditor } from "./messages-editor";
import { validationQuery } from "./queries";
import { Faults, RenderedText } from "./rendered";

const YamlEditor = lazy(() => import("./yaml-editor"));
const NO_NAMES: string[] = [];
const NO_FAULTS: never[] = [];

type Props = { project: string; draft: PromptDraft; change: (part: Partial<PromptDraft>) => void };

/** Everything of a prompt that can be written, with its preview beside it. */
export function PromptEditor({ project, draft, change }: Props) {
  const [side, setSide] = useState<"text" | "yaml">("text");
  const [values, setValues] = useState<Values>({});
  const parts = useQuery(partsQuery(project));
  const inputs = useMemo(() => draft.inputs ?? {}, [draft.inputs]);
  const text = useMemo(() => (draft.messages ? { messages: draft.messages } : { template: draft.template ?? "" }), [draft.messages, draft.template]);
  const given = useMemo(() => givenOf(values, inputs), [values, inputs]);
  const asked = useDebounced(useMemo(() => ({ text, inputs, given }), [text, inputs, given]), 60);
  const checked = useQuery(validationQuery(project, asked.text, asked.inputs, asked.given));
  const found = checked.data;
  const missing = useMemo(() => asWritten(found?.variables_missing ?? NO_NAMES, text), [found?.variables_missing, text]);
  const unused = found?.variables_unused ?? NO_NAMES;
  const around = useMemo(() => ({ inputs, parts: parts.data ?? [] }), [inputs, parts.data]);
  const declare = (name: string) => change({ inputs: { ...inputs, [name]: { type: "string", required: true } } });
  const isChat = draft.messages != null;

  const toChat = () => change({ messages: [{ role: "user", content: draft.template ?? "" }], template: undefined });
  const toText = () => change({ template: draft.messages?.map((one) => one.content).join("\n\n") ?? "", messages: undefined });

  return (
    <div className="grid min-h-0 grid-cols-[minmax(0,1fr)] gap-4 xl:grid-cols-[minmax(0,1fr)_minmax(20rem,28rem)]">
      <div className="flex min-w-0 flex-col gap-4">
        <Field label="Description" className="max-w-3xl">
          {(ids) => <Input {...ids} placeholder="What this prompt is for, in a sentence" value={draft.description ?? ""} onChange={(event) => change({ description: event.target.value })} />}
        </Field>
        <section aria-label="Text">
          <div className="mb-2 flex flex-wrap items-center gap-2">
            <div role="group" aria-label="Kind" className="flex rounded-md border p-0.5">
              <Button look={!isChat ? "plain" : "ghost"} size="sm" aria-pressed={!isChat} onClick={() => isChat && toText()}>
                Text
              </Button>
              <Button look={isChat ? "plain" : "ghost"} size="sm" aria-pressed={isChat} onClick={() => !isChat && toChat()}>
                Chat
              </Button>
            </div>
            <Button className="ml-auto" look="ghost" size="sm" aria-pressed={side === "yaml"} onClick={() => setSide(side === "yaml" ? "text" : "yaml")}>
              {side === "yaml" ? "Back to the form" : "As YAML"}
            </Button>
          </div>
          {side === "yaml" ? (
            <Suspense fallback={<div className="skeleton h-96" />}>
              <YamlEditor draft={draft} change={change} />
            </Suspense>
          ) : draft.messages ? (
            <MessagesEditor messages={draft.messages} onChange={(messages) => change({ messages })} around={around} faults={found?.errors ?? NO_FAULTS} missing={missing} onDeclare={declare} />
          ) : (
            <CodeEditor
              label="Template"
              language="jinja"
              value={draft.template ?? ""}
              onChange={(template) => change({ template })}
              around={around}
              faults={found?.errors ?? NO_FAULTS}
              missing={missing}
              onDeclare={declare}
              placeholder={"Hello {{ name }}!"}
              className="bg-card [&_.cm-content]:min-h-72! [&_.cm-scroller]:max-h-[65dvh]"
            />
          )}
          <div className="mt-2 min-h-6" aria-live="polite">
            {found && found.errors.length > 0 ? (
              <Faults faults={found.errors} />
            ) : found?.warnings.length ? (
              <p className="text-[13px] text-ember">{found.warnings[0]?.message}</p>
            ) : null}
          </div>
        </section>
        <Card title="Inputs">
          <InputsEditor inputs={inputs} unused={unused} missing={missing} onChange={(next) => change({ inputs: next })} />
        </Card>
        <Card title="Model">
          <ModelSettings draft={draft} change={change} />
        </Card>
      </div>
      <aside className="flex min-w-0 flex-col gap-4 xl:sticky xl:top-4 xl:self-start" aria-label="Preview">
        <Card title="Try it" className="[&>div]:max-h-[45dvh] [&>div]:overflow-y-auto">
          <InputsForm inputs={inputs} values={values} onChange={setValues} />
        </Card>
        <Card title="Rendered">
          <div aria-live="polite" className="min-h-32">
            {found?.preview?.rendered != null ? (
              <RenderedText value={found.preview} />
            ) : found?.preview?.errors.length && found.preview.errors.every((fault) => isToFill(fault, given)) ? (
              <p className="text-soft">
                Still to fill in: <span className="font-mono">{found.preview.errors.map((fault) => fault.loc[1]).join(", ")}</span>
              </p>
            ) : found?.preview?.errors.length ? (
              <Faults faults={found.preview.errors} />
            ) : checked.error ? (
              <p className="text-rose">{checked.error.message}</p>
            ) : found?.errors.length ? (
              <p className="text-soft">The text has a fault; it is marked where it stands.</p>
            ) : null}
          </div>
        </Card>
      </aside>
    </div>
  );
}

/** The names in the order in which the text has them. */
function asWritten(names: string[], text: { template?: string; messages?: { content: string }[] }): string[] {
  const whole = text.messages?.map((one) => one.content).join("\n") ?? text.template ?? "";
  const at = (name: string) => whole.search(new RegExp(`\\b${name}\\b`));
  return [...names].sort((a, b) => at(a) - at(b));
}

/** A required input that nobody has touched yet: no fault, only not there. */
const isToFill = (fault: { loc: (string | number)[] }, given: Values) => fault.loc[0] === "inputs" && fault.loc.length === 2 && !(String(fault.loc[1]) in given);

function ModelSettings({ draft, change }: Omit<Props, "project">) {
  const model = draft.model;
  const set = (part: Partial<NonNullable<typeof model>>) => change({ model: { provider: model?.provider ?? "openai", name: model?.name ?? "", parameters: model?.parameters, ...part } });
  if (!model) {
    return (
      <div className="flex flex-wrap items-center gap-3 text-[13px] text-soft">
        No model of its own: whoever runs it says which.
        <Button size="sm" onClick={() => change({ model: { provider: "openai", name: "gpt-4o-mini" } })}>
          Choose one
        </Button>
      </div>
    );
  }
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Field label="Provider">
        {(ids) => (
          <Select {...ids} value={model.provider} onChange={(event) => set({ provider: event.target.value })}>
            {[...new Set(["openai", "anthropic", "google", "azure", "mistral", "ollama", model.provider])].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Model">{(ids) => <Input {...ids} className="font-mono" value={model.name} onChange={(event) => set({ name: event.target.value })} />}</Field>
      <div className="sm:col-span-2">
        <JsonField
          label="Parameters (JSON)"
          hint='For example {"temperature": 0.2, "max_tokens": 300}'
          value={model.parameters && Object.keys(model.parameters).length ? model.parameters : undefined}
          onChange={(value) => set({ parameters: value as Record<string, never> | undefined })}
          valid={(value) => (typeof value === "object" && value !== null && !Array.isArray(value) ? null : "An object of parameters.")}
        />
      </div>
      <Button size="sm" look="ghost" className="justify-self-start" onClick={() => change({ model: null })}>
        Remove the model
      </Button>
    </div>
  );
}
