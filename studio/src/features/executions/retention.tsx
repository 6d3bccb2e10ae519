import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Card } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Field, Input, Select } from "@/components/ui/field";
import { Failure, Skeletons } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { body, http, type Schemas } from "@/lib/api/client";
import { plural } from "@/lib/format";

/** What is kept of runs, for how long, and erasing somebody's. */
export function Retention({ project }: { project: string }) {
  const params = { path: { project_id: project } };
  const queries = useQueryClient();
  const [user, setUser] = useState("");
  const found = useQuery({
    queryKey: ["p", project, "execution-settings"],
    queryFn: () => body(http.GET("/api/projects/{project_id}/execution-settings", { params })),
  });
  const erase = async () => {
    const { erased } = await body(http.POST("/api/projects/{project_id}/executions/erase", { params, body: { user } }));
    void queries.invalidateQueries({ queryKey: ["p", project, "executions"] });
    toast.good(`${plural(erased, "run")} erased.`);
    setUser("");
  };
  if (found.error) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeletons rows={2} className="h-28" />;
  return (
    <>
      <Form key={String(found.data.changed_at)} project={project} settings={found.data} />
      <Card title="Erase somebody's runs">
        <div className="flex max-w-xl flex-wrap items-end gap-2">
          <Field label="User reference" hint="As your program passed it with the runs." className="flex-1">
            {(ids) => <Input {...ids} value={user} onChange={(event) => setUser(event.target.value)} />}
          </Field>
          <Confirm trigger={(open) => <Button look="danger" disabled={!user.trim()} onClick={open}>Erase …</Button>} title={`Erase all runs of ${user}?`} text="Inputs, outputs and everything else of these runs are deleted for good. The numbers stay." act="Erase" onConfirm={erase} />
        </div>
      </Card>
    </>
  );
}

function Form({ project, settings }: { project: string; settings: Schemas["ExecutionSettingsShown"] }) {
  const queries = useQueryClient();
  const [keep, setKeep] = useState(settings.keep);
  const [days, setDays] = useState(settings.retention_days === null ? "" : String(settings.retention_days));
  const save = useMutation({
    mutationFn: () =>
      body(
        http.PUT("/api/projects/{project_id}/execution-settings", {
          params: { path: { project_id: project } },
          body: { keep, retention_days: days === "" ? null : Number(days) },
        }),
      ),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["p", project, "execution-settings"] });
      toast.good("Saved. It holds for runs from now on.");
    },
  });
  return (
    <Card title="What is kept of a run">
      <form
        className="grid max-w-2xl gap-3 sm:grid-cols-2"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Field label="Inputs and outputs" hint="Decided before anything is written.">
          {(ids) => (
            <Select {...ids} value={keep} onChange={(event) => setKeep(event.target.value as typeof keep)}>
              <option value="full">as they are</option>
              <option value="redacted">with personal data taken out</option>
              <option value="none">not at all</option>
            </Select>
          )}
        </Field>
        <Field label="Days" hint="Empty: for ever. Older ones are dropped by the month.">{(ids) => <Input {...ids} type="number" min={1} value={days} onChange={(event) => setDays(event.target.value)} />}</Field>
        {save.error && <div className="sm:col-span-2"><Failure error={save.error} /></div>}
        <Button type="submit" look="main" className="justify-self-start" busy={save.isPending}>
          Save
        </Button>
      </form>
    </Card>
  );
}
