import { ChevronDown, ChevronRight, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field, Input, Select, Textarea } from "@/components/ui/field";
import type { InputSpec } from "@/features/prompts/queries";

type Inputs = Record<string, InputSpec>;
type Props = { inputs: Inputs; unused: string[]; missing: string[]; onChange: (inputs: Inputs) => void };
const TYPES: InputSpec["type"][] = ["string", "number", "boolean", "array<string>", "object"];
const NAME = /^[A-Za-z_]\w{0,63}$/;

/** JSON in a text field: what cannot be read yet stays in the field and is not passed on. */
export function JsonField({ label, value, onChange, hint, valid }: { label: string; value: unknown; onChange: (value: unknown) => void; hint?: string; valid?: (value: unknown) => string | null }) {
  const [text, setText] = useState(value === undefined || value === null ? "" : JSON.stringify(value, null, 2));
  const [error, setError] = useState<string | null>(null);
  const read = (to: string) => {
    setText(to);
    if (to.trim() === "") {
      setError(null);
      onChange(undefined);
      return;
    }
    try {
      const parsed: unknown = JSON.parse(to);
      const wrong = valid?.(parsed) ?? null;
      setError(wrong);
      if (!wrong) onChange(parsed);
    } catch {
      setError("This is not JSON yet.");
    }
  };
  return (
    <Field label={label} hint={hint} error={error}>
      {(ids) => <Textarea {...ids} rows={3} value={text} onChange={(event) => read(event.target.value)} />}
    </Field>
  );
}

function DefaultField({ spec, set }: { spec: InputSpec; set: (part: Partial<InputSpec>) => void }) {
  const given = spec.default;
  const put = (value: unknown) => set({ default: value as InputSpec["default"] });
  if (spec.type === "boolean") {
    return (
      <Field label="Default">
        {(ids) => (
          <Select {...ids} value={given == null ? "" : String(given)} onChange={(event) => put(event.target.value === "" ? undefined : event.target.value === "true")}>
            <option value="">none</option>
            <option value="true">true</option>
            <option value="false">false</option>
          </Select>
        )}
      </Field>
    );
  }
  if (spec.type === "string" || spec.type === "number") {
    const isNumber = spec.type === "number";
    return (
      <Field label="Default">
        {(ids) => (
          <Input
            {...ids}
            type={isNumber ? "number" : "text"}
            step="any"
            value={given == null ? "" : String(given)}
            onChange={(event) => put(event.target.value === "" ? undefined : isNumber ? Number(event.target.value) : event.target.value)}
          />
        )}
      </Field>
    );
  }
  const isList = spec.type === "array<string>";
  return (
    <JsonField
      label="Default (JSON)"
      value={given}
      onChange={put}
      valid={(value) =>
        isList
          ? Array.isArray(value) && value.every((one) => typeof one === "string") ? null : 'A list of texts, like ["a", "b"].'
          : typeof value === "object" && value !== null && !Array.isArray(value) ? null : 'An object, like {"a": 1}.'
      }
    />
  );
}

function Details({ name, spec, set }: { name: string; spec: InputSpec; set: (part: Partial<InputSpec>) => void }) {
  const isText = spec.type === "string" || spec.type === "number";
  return (
    <div className="grid gap-3 border-t bg-sunk/50 px-3 py-3 sm:grid-cols-2">
      <Field label="Description" className="sm:col-span-2" hint="Shown to whoever fills the prompt in.">
        {(ids) => <Input {...ids} value={spec.description ?? ""} onChange={(event) => set({ description: event.target.value || undefined })} />}
      </Field>
      <DefaultField key={`${name}-${spec.type}`} spec={spec} set={set} />
      {isText && (
        <Field label="Only these values" hint="One on a line; empty allows any.">
          {(ids) => (
            <Textarea
              {...ids}
              rows={3}
              defaultValue={(spec.enum ?? []).join("\n")}
              onChange={(event) => {
                const lines = event.target.value.split("\n").map((line) => line.trim()).filter(Boolean);
                const values = spec.type === "number" ? lines.map(Number).filter((one) => !Number.isNaN(one)) : lines;
                set({ enum: values.length ? values : undefined });
              }}
            />
          )}
        </Field>
      )}
      {(spec.type === "object" || spec.schema) && (
        <JsonField
          label="JSON Schema"
          value={spec.schema}
          onChange={(value) => set({ schema: value as InputSpec["schema"] })}
          valid={(value) => (typeof value === "object" && value !== null && !Array.isArray(value) ? null : "A schema is an object.")}
        />
      )}
    </div>
  );
}

function Row({ name, spec, isUnused, others, rename, set, remove }: { name: string; spec: InputSpec; isUnused: boolean; others: string[]; rename: (to: string) => void; set: (part: Partial<InputSpec>) => void; remove: () => void }) {
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState(name);
  const wrong = !NAME.test(typed) ? "Letters, digits and _ only." : typed !== name && others.includes(typed) ? "There is one with this name." : null;
  return (
    <li className="border-b last:border-b-0">
      <div className="flex flex-wrap items-center gap-2 px-2 py-1.5">
        <Button look="ghost" size="icon" aria-expanded={open} aria-label={`Details of ${name}`} onClick={() => setOpen(!open)}>
          {open ? <ChevronDown /> : <ChevronRight />}
        </Button>
        <Input
          aria-label={`Name of ${name}`}
          aria-invalid={wrong ? true : undefined}
          title={wrong ?? undefined}
          className="h-8 w-36 flex-1 font-mono text-[13px]"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={() => (wrong ? setTyped(name) : typed !== name && rename(typed))}
          onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
        />
        <Select aria-label={`Type of ${name}`} className="h-8 w-32" value={spec.type} onChange={(event) => set({ type: event.target.value as InputSpec["type"], default: undefined, enum: undefined })}>
          {TYPES.map((type) => (
            <option key={type}>{type}</option>
          ))}
        </Select>
        <label className="flex items-center gap-1.5 text-[13px]">
          <input type="checkbox" className="size-4 accent-(--leaf)" checked={spec.required ?? true} onChange={(event) => set({ required: event.target.checked })} />
          required
        </label>
        {isUnused && (
          <Badge tone="ember" title="The text does not use it">
            unused
          </Badge>
        )}
        <Button look="ghost" size="icon" aria-label={`Remove ${name}`} onClick={remove}>
          <Trash2 />
        </Button>
      </div>
      {open && <Details name={name} spec={spec} set={set} />}
    </li>
  );
}

/** The declared inputs: names, types, defaults, allowed values, descriptions, schemas. */
export function InputsEditor({ inputs, unused, missing, onChange }: Props) {
  const names = Object.keys(inputs);
  const add = (...added: string[]) => onChange({ ...inputs, ...Object.fromEntries(added.map((name) => [name, { type: "string", required: true } as InputSpec])) });
  const fresh = () => {
    let n = 1;
    while (names.includes(`input_${n}`)) n += 1;
    return `input_${n}`;
  };
  return (
    <div className="flex flex-col gap-2">
      {missing.length > 0 && (
        <div className="flex flex-wrap items-center gap-2 rounded-lg bg-ember-wash px-3 py-2 text-[13px] text-ember">
          <span>
            Used, but not declared: <strong className="font-mono">{missing.join(", ")}</strong>
          </span>
          <Button size="sm" className="ml-auto" onClick={() => add(...missing)}>
            Declare {missing.length === 1 ? "it" : "all"}
          </Button>
        </div>
      )}
      {unused.length > 0 && (
        <div className="flex flex-wrap items-center gap-2 rounded-lg bg-sunk px-3 py-2 text-[13px] text-soft">
          <span>
            Declared, but not used: <strong className="font-mono">{unused.join(", ")}</strong>
          </span>
          <Button size="sm" className="ml-auto" onClick={() => onChange(Object.fromEntries(Object.entries(inputs).filter(([name]) => !unused.includes(name))))}>
            Remove {unused.length === 1 ? "it" : "all"}
          </Button>
        </div>
      )}
      {names.length > 0 ? (
        <ul className="rounded-lg border bg-card">
          {Object.entries(inputs).map(([name, spec]) => (
            <Row
              key={name}
              name={name}
              spec={spec}
              isUnused={unused.includes(name)}
              others={names}
              rename={(to) => onChange(Object.fromEntries(Object.entries(inputs).map(([was, one]) => [was === name ? to : was, one])))}
              set={(part) => onChange({ ...inputs, [name]: { ...spec, ...part } })}
              remove={() => onChange(Object.fromEntries(Object.entries(inputs).filter(([was]) => was !== name)))}
            />
          ))}
        </ul>
      ) : (
        <p className="text-[13px] text-soft">
          No inputs yet. Write <code className="font-mono">{"{{ name }}"}</code> in the text, and declare it here with one click.
        </p>
      )}
      <Button size="sm" className="self-start" onClick={() => add(fresh())}>
        <Plus /> Add an input
      </Button>
    </div>
  );
}
