import { Field, Input, Select, Textarea } from "@/components/ui/field";
import type { InputSpec } from "@/features/prompts/queries";
import { JsonField } from "./inputs-editor";

export type Values = Record<string, unknown>;

function Control({ name, spec, value, set }: { name: string; spec: InputSpec; value: unknown; set: (value: unknown) => void }) {
  const optional = spec.required === false || spec.default != null;
  const label = (
    <>
      <span className="font-mono">{name}</span> <span className="font-normal text-soft">{spec.type}{optional ? ", optional" : ""}</span>
    </>
  );
  const unset = spec.default == null ? "" : typeof spec.default === "string" ? spec.default : JSON.stringify(spec.default);
  if (spec.type === "object") {
    return <JsonField label={`${name} (JSON object)`} hint={spec.description ?? (unset ? `Default: ${unset}` : undefined)} value={value} onChange={set} />;
  }
  return (
    <Field label={label} hint={spec.description}>
      {(ids) => {
        if (spec.enum?.length || spec.type === "boolean") {
          const options = spec.enum ?? [true, false];
          return (
            <Select
              {...ids}
              value={value === undefined ? "" : JSON.stringify(value)}
              onChange={(event) => set(event.target.value === "" ? undefined : JSON.parse(event.target.value))}
            >
              <option value="">{unset ? `default: ${unset}` : "choose …"}</option>
              {options.map((one) => (
                <option key={JSON.stringify(one)} value={JSON.stringify(one)}>
                  {String(one)}
                </option>
              ))}
            </Select>
          );
        }
        if (spec.type === "array<string>") {
          const lines = Array.isArray(value) ? value.join("\n") : "";
          return <Textarea {...ids} rows={3} placeholder={unset || "one text on a line"} value={lines} onChange={(event) => set(event.target.value === "" ? undefined : event.target.value.split("\n"))} />;
        }
        if (spec.type === "number") {
          return <Input {...ids} type="number" step="any" placeholder={unset} value={value === undefined ? "" : String(value)} onChange={(event) => set(event.target.value === "" ? undefined : Number(event.target.value))} />;
        }
        return <Textarea {...ids} rows={1} className="field-sizing-content max-h-60 min-h-9 resize-none font-sans text-sm" placeholder={unset} value={value === undefined ? "" : String(value)} onChange={(event) => set(event.target.value === "" ? undefined : event.target.value)} />;
      }}
    </Field>
  );
}

/** A form made of the declared types: what is left empty takes its default. */
export function InputsForm({ inputs, values, onChange }: { inputs: Record<string, InputSpec>; values: Values; onChange: (values: Values) => void }) {
  const entries = Object.entries(inputs);
  if (entries.length === 0) return <p className="text-[13px] text-soft">This prompt takes no inputs.</p>;
  return (
    <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-1">
      {entries.map(([name, spec]) => (
        <Control key={`${name}-${spec.type}`} name={name} spec={spec} value={values[name]} set={(value) => onChange({ ...values, [name]: value })} />
      ))}
    </div>
  );
}

/** The values without what was left empty, and without inputs that are gone. */
export const givenOf = (values: Values, inputs: Record<string, InputSpec>): Values =>
  Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== undefined && name in inputs));
