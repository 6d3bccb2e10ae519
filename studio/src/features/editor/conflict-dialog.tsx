import { useMemo, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { TextDiff } from "@/components/ui/text-diff";
import type { PromptDraft } from "@/features/prompts/queries";
import { merge, type Side } from "./merge";

const asText = (value: unknown) => (value == null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));
type Props = {
  base: PromptDraft;
  mine: PromptDraft;
  theirs: PromptDraft;
  theirVersion: number;
  onResolved: (draft: PromptDraft) => void;
  onClose: () => void;
};

/** Somebody else saved first: what they changed, what you changed, and for what both changed the choice. */
export function ConflictDialog({ base, mine, theirs, theirVersion, onResolved, onClose }: Props) {
  const merged = useMemo(() => merge(base, mine, theirs), [base, mine, theirs]);
  const [choices, setChoices] = useState<Record<string, Side>>({});
  const open = merged.conflicts.filter(({ field }) => !choices[field]);
  const resolve = () => {
    const draft = { ...merged.draft };
    for (const { field, mine: m, theirs: t } of merged.conflicts) Object.assign(draft, { [field]: choices[field] === "mine" ? m : t });
    onResolved(draft);
  };
  return (
    <Dialog
      wide
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={`Somebody saved version ${theirVersion} while you were writing`}
      description={
        merged.conflicts.length === 0
          ? "You changed different places, so both changes fit together. Nothing is lost."
          : "Where both of you changed the same place, choose whose text stays. Everything else is put together."
      }
      footer={
        <>
          <Button onClick={onClose}>Back to writing</Button>
          <Button look="main" disabled={open.length > 0} onClick={resolve}>
            {open.length > 0 ? `${open.length} to decide` : "Take this and save"}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-5">
        {merged.conflicts.map(({ field, base: b, mine: m, theirs: t }) => (
          <section key={field} className="flex flex-col gap-2">
            <h3 className="font-medium">{field}</h3>
            <div className="grid gap-3 lg:grid-cols-2">
              {(
                [
                  ["theirs", "Theirs", t],
                  ["mine", "Yours", m],
                ] as const
              ).map(([side, name, value]) => (
                <div key={side} className="flex flex-col gap-1.5">
                  <label className="flex items-center gap-2 text-[13px]">
                    <input type="radio" name={field} className="accent-(--leaf)" checked={choices[field] === side} onChange={() => setChoices({ ...choices, [field]: side })} />
                    {name}, against what both began with
                  </label>
                  <TextDiff before={asText(b)} after={asText(value)} label={`${field}, ${name}`} />
                </div>
              ))}
            </div>
          </section>
        ))}
        {merged.conflicts.length === 0 && (
          <section className="flex flex-col gap-2">
            <h3 className="font-medium">What you will save, against their version</h3>
            <TextDiff before={asText(theirs.messages ?? theirs.template)} after={asText(merged.draft.messages ?? merged.draft.template)} label="The result" />
          </section>
        )}
      </div>
    </Dialog>
  );
}
