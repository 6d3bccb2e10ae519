import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Card } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Field, Input } from "@/components/ui/field";
import { Failure, Skeletons } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { projectQuery } from "@/features/me/queries";
import { body, http } from "@/lib/api/client";

export function General({ project }: { project: string }) {
  const found = useQuery(projectQuery(project));
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState<string | null>(null);
  const params = { path: { project_id: project } };
  const rename = useMutation({
    mutationFn: () => body(http.PATCH("/api/projects/{project_id}", { params, body: { name: name ?? "" } })),
    onSuccess: () => {
      void queries.invalidateQueries();
      toast.good("Renamed.");
    },
  });
  const archive = async () => {
    await body(http.DELETE("/api/projects/{project_id}", { params }));
    await queries.invalidateQueries();
    await navigate({ to: "/" });
  };
  if (found.error) return <Failure error={found.error} />;
  if (!found.data) return <Skeletons rows={2} />;
  return (
    <>
      <Card title="Project">
        <form
          className="flex max-w-lg flex-col gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            rename.mutate();
          }}
        >
          <Field label="Name">{(ids) => <Input {...ids} value={name ?? found.data.name} onChange={(event) => setName(event.target.value)} />}</Field>
          <Field label="Id" hint="For programs and the command line.">
            {(ids) => <Input {...ids} readOnly className="font-mono" value={found.data.id} />}
          </Field>
          {rename.error && <Failure error={rename.error} />}
          <Button type="submit" className="self-start" look="main" busy={rename.isPending} disabled={!name || name === found.data.name}>
            Rename
          </Button>
        </form>
      </Card>
      <Card title="Archive">
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="text-soft">Nobody reaches its prompts any more. It can be restored in the workspace.</p>
          <Confirm trigger={(open) => <Button look="danger" onClick={open}>Archive the project</Button>} title={`Archive ${found.data.name}?`} text="Programs that fetch its prompts get an error from now on." act="Archive" onConfirm={archive} />
        </div>
      </Card>
    </>
  );
}
