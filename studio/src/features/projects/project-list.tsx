import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Card } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Failure, Skeletons } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { Changeable, mayOf, useRole } from "@/features/me/may";
import { nameInAddress } from "@/features/me/queries";
import { paths } from "@/config/paths";
import { body, http } from "@/lib/api/client";
import { ago } from "@/lib/format";
import { projectsQuery } from "./queries";

export function ProjectList({ workspace }: { workspace: string }) {
  const queries = useQueryClient();
  const { manage } = mayOf(useRole(workspace));
  const [archived, setArchived] = useState(false);
  const [name, setName] = useState("");
  const [samples, setSamples] = useState(true);
  const found = useQuery(projectsQuery(workspace, archived));
  const fresh = () => queries.invalidateQueries({ queryKey: ["w", workspace, "projects"] });
  const make = useMutation({
    mutationFn: () => body(http.POST("/api/workspaces/{workspace_id}/projects", { params: { path: { workspace_id: workspace } }, body: { name, samples } })),
    onSuccess: (made) => {
      setName("");
      void fresh();
      toast.good(`${made.name} is there.`);
    },
  });
  const restore = useMutation({
    mutationFn: (id: string) => body(http.POST("/api/projects/{project_id}/restore", { params: { path: { project_id: id } } })),
    onSuccess: fresh,
    onError: (error) => toast.bad(error),
  });
  if (found.error) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeletons rows={3} />;
  return (
    <>
      <ul className="rounded-xl border bg-card">
        {found.data.map((one) => (
          <li key={one.id} className="flex items-center gap-3 border-b px-4 py-2.5 last:border-b-0">
            {one.archived_at ? (
              <span className="flex-1 text-soft">{one.name}</span>
            ) : (
              <Link className="flex-1 font-medium hover:underline" to={paths.prompts(nameInAddress(one))}>
                {one.name}
              </Link>
            )}
            <span className="text-xs text-soft">made {ago(one.created_at)}</span>
            {one.archived_at && manage && (
              <Button size="sm" onClick={() => restore.mutate(one.id)}>
                Restore
              </Button>
            )}
          </li>
        ))}
        {found.data.length === 0 && <li className="px-4 py-3 text-soft">None.</li>}
      </ul>
      <Button size="sm" look="ghost" className="self-start" aria-pressed={archived} onClick={() => setArchived(!archived)}>
        {archived ? "Show the ones in use" : "Show archived ones"}
      </Button>
      <Changeable may={manage}>
        <Card title="New project">
          <form
            className="flex max-w-2xl flex-wrap items-end gap-3"
            onSubmit={(event) => {
              event.preventDefault();
              make.mutate();
            }}
          >
            <Field label="Name" className="min-w-52 flex-1">{(ids) => <Input {...ids} required value={name} onChange={(event) => setName(event.target.value)} />}</Field>
            <label className="flex h-9 items-center gap-2">
              <input type="checkbox" className="size-4 accent-(--leaf)" checked={samples} onChange={(event) => setSamples(event.target.checked)} />
              with examples
            </label>
            <Button type="submit" look="main" busy={make.isPending}>
              Make it
            </Button>
          </form>
          {make.error && <div className="mt-3"><Failure error={make.error} /></div>}
        </Card>
      </Changeable>
    </>
  );
}
