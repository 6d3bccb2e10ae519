import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Failure, Skeletons } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { draftOf, versionQuery } from "@/features/prompts/queries";
import { PromptDiff } from "@/features/versions/prompt-diff";
import { ApiProblem } from "@/lib/api/client";
import { askForLabel, labelsQuery, moveLabel, protectedQuery } from "./queries";

type Props = { project: string; prompt: string; version: number; onClose: () => void };
const LABEL = /^[A-Za-z0-9._-]{1,64}$/;

/** Puts a label on a version: what programs that fetch it will get instead is shown before anything moves. */
export function MoveLabel({ project, prompt, version, onClose }: Props) {
  const [label, setLabel] = useState("production");
  const [message, setMessage] = useState("");
  const queries = useQueryClient();
  const labels = useQuery(labelsQuery(project, prompt));
  const guarded = useQuery(protectedQuery(project));
  const now = labels.data?.find((one) => one.label === label)?.version_number;
  const after = useQuery(versionQuery(project, prompt, version));
  const before = useQuery({ ...versionQuery(project, prompt, now ?? 0), enabled: now !== undefined });
  const guard = guarded.data?.find((one) => one.label === label);
  const done = (text: string) => {
    void queries.invalidateQueries({ queryKey: ["p", project] });
    toast.good(text);
    onClose();
  };
  const move = useMutation({
    mutationFn: () => moveLabel(project, prompt, label, version, message),
    onSuccess: () => done(`${label} is version ${version} now. Programs see it within a second.`),
  });
  const ask = useMutation({
    mutationFn: () => askForLabel(project, prompt, label, version, message),
    onSuccess: () => done(`Asked for approval: ${label} to version ${version}.`),
  });
  const refused = move.error instanceof ApiProblem && [403, 409].includes(move.error.status);
  const suggestions = [...new Set(["production", "staging", ...(guarded.data ?? []).map((one) => one.label), ...(labels.data ?? []).map((one) => one.label)])].filter((one) => one !== "latest");
  return (
    <Dialog
      wide
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Release version ${version}`}
      description="Programs that fetch the label get this version from the next request on."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          {(guard?.needs_approval || refused) && (
            <Button look="main" busy={ask.isPending} onClick={() => ask.mutate()} disabled={!LABEL.test(label) || now === version}>
              {now === version ? "It is there already" : "Ask for approval"}
            </Button>
          )}
          {!guard?.needs_approval && !refused && (
            <Button look="main" busy={move.isPending} disabled={!LABEL.test(label) || label === "latest" || now === version} onClick={() => move.mutate()}>
              {now === version ? "It is there already" : `Move ${label} here`}
            </Button>
          )}
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Label" hint={guard ? (guard.needs_approval ? "Protected: a second person approves." : "Protected: only admins move it.") : undefined}>
            {(ids) => (
              <>
                <Input {...ids} list="labels" value={label} onChange={(event) => setLabel(event.target.value)} />
                <datalist id="labels">
                  {suggestions.map((one) => (
                    <option key={one} value={one} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
          <Field label="Why">{(ids) => <Input {...ids} value={message} maxLength={500} placeholder="Optional" onChange={(event) => setMessage(event.target.value)} />}</Field>
        </div>
        {move.error && <Failure error={move.error} />}
        {ask.error && <Failure error={ask.error} />}
        {now === undefined ? (
          <p className="text-soft">{label} is on no version yet: until now, programs that ask for it get an error.</p>
        ) : before.data && after.data ? (
          <>
            <p className="text-soft">
              {label} is on version {now}. What changes for programs:
            </p>
            <PromptDiff before={draftOf(before.data)} after={draftOf(after.data)} />
          </>
        ) : (
          <Skeletons rows={2} className="h-24" />
        )}
      </div>
    </Dialog>
  );
}
