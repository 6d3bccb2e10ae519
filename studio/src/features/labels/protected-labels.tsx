import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { LabelBadge } from "@/components/ui/label-badge";
import { Empty, Failure, Skeletons } from "@/components/ui/states";
import { body, http } from "@/lib/api/client";
import { protectedQuery } from "./queries";

/** Labels that not everybody moves. */
export function ProtectedLabels({ project }: { project: string }) {
  const queries = useQueryClient();
  const [label, setLabel] = useState("production");
  const [approval, setApproval] = useState(true);
  const found = useQuery(protectedQuery(project));
  const at = (name: string) => ({ params: { path: { project_id: project, label: name } } });
  const fresh = () => void queries.invalidateQueries({ queryKey: ["p", project, "protected-labels"] });
  const protect = useMutation({
    mutationFn: () => body(http.PUT("/api/projects/{project_id}/protected-labels/{label}", { ...at(label), body: { needs_approval: approval } })),
    onSuccess: fresh,
  });
  const release = useMutation({
    mutationFn: (name: string) => body(http.DELETE("/api/projects/{project_id}/protected-labels/{label}", at(name))),
    onSuccess: fresh,
  });
  if (found.error) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeletons rows={2} />;
  return (
    <>
      {found.data.length === 0 ? (
        <Empty title="No label is protected">Any editor moves any label. Protect production, and only admins move it, or a second person approves each release.</Empty>
      ) : (
        <ul className="rounded-xl border bg-card">
          {found.data.map((one) => (
            <li key={one.label} className="flex flex-wrap items-center gap-3 border-b px-4 py-2.5 last:border-b-0">
              <LabelBadge label={one.label} />
              <span className="text-soft">{one.needs_approval ? "a second person approves each move" : "only admins move it"}</span>
              <Button size="sm" look="ghost" className="ml-auto" onClick={() => release.mutate(one.label)}>
                Unprotect
              </Button>
            </li>
          ))}
        </ul>
      )}
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          protect.mutate();
        }}
      >
        <Field label="Label">{(ids) => <Input {...ids} value={label} onChange={(event) => setLabel(event.target.value)} />}</Field>
        <label className="flex h-9 items-center gap-2">
          <input type="checkbox" className="size-4 accent-(--leaf)" checked={approval} onChange={(event) => setApproval(event.target.checked)} />
          needs a second person&apos;s approval
        </label>
        <Button type="submit" look="main" busy={protect.isPending} disabled={!/^[A-Za-z0-9._-]{1,64}$/.test(label)}>
          Protect
        </Button>
      </form>
      {(protect.error ?? release.error) && <Failure error={protect.error ?? release.error} />}
    </>
  );
}
