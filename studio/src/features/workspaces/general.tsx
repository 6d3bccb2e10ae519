import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Card } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Field, Input, Select } from "@/components/ui/field";
import { Failure, Skeletons } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { Changeable, mayOf } from "@/features/me/may";
import { meQuery } from "@/features/me/queries";
import { body, http } from "@/lib/api/client";
import { membersQuery } from "./queries";

/** Its name, who owns it, and how to leave or archive it. */
export function WorkspaceGeneral({ workspace }: { workspace: string }) {
  const me = useQuery(meQuery);
  const members = useQuery(membersQuery(workspace));
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState<string | null>(null);
  const [heir, setHeir] = useState("");
  const at = { params: { path: { workspace_id: workspace } } };
  const rename = useMutation({
    mutationFn: () => body(http.PATCH("/api/workspaces/{workspace_id}", { ...at, body: { name: name ?? "" } })),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["me"] });
      toast.good("Renamed.");
    },
  });
  const goneFromHere = async () => {
    await navigate({ to: "/" });
    await queries.resetQueries();
  };
  const leave = async (user: string) => {
    await body(http.DELETE("/api/workspaces/{workspace_id}/members/{user_id}", { params: { path: { workspace_id: workspace, user_id: user } } }));
    await goneFromHere();
  };
  const archive = async () => {
    await body(http.DELETE("/api/workspaces/{workspace_id}", at));
    await goneFromHere();
  };
  const handOver = async () => {
    await body(http.PUT("/api/workspaces/{workspace_id}/owner", { ...at, body: { user_id: heir } }));
    await queries.invalidateQueries();
    toast.good("The workspace has another owner.");
  };
  const own = me.data?.workspaces.find((one) => one.id === workspace);
  if (members.error) return <Failure error={members.error} retry={() => void members.refetch()} />;
  if (!own || !members.data) return <Skeletons rows={2} />;
  const { manage, own: owns } = mayOf(own.role);
  const others = members.data.filter((one) => one.user_id !== me.data?.user.id);
  return (
    <>
      <Changeable may={manage}>
        <Card title="Workspace">
          <form
            className="flex max-w-lg flex-col gap-3"
            onSubmit={(event) => {
              event.preventDefault();
              rename.mutate();
            }}
          >
            <Field label="Name">{(ids) => <Input {...ids} value={name ?? own.name} onChange={(event) => setName(event.target.value)} />}</Field>
            {rename.error && <Failure error={rename.error} />}
            <Button type="submit" className="self-start" look="main" busy={rename.isPending} disabled={!name || name === own.name}>
              Rename
            </Button>
          </form>
        </Card>
      </Changeable>
      {owns && !own.personal && (
        <Card title="Another owner">
          <div className="flex flex-wrap items-end justify-between gap-3">
            <p className="max-w-md text-soft">The owner can archive the workspace and cannot be removed. You stay, as an admin.</p>
            <div className="flex items-end gap-2">
              <Select aria-label="New owner" value={heir} onChange={(event) => setHeir(event.target.value)} disabled={!others.length}>
                <option value="">{others.length ? "Choose a member" : "Nobody else is here yet"}</option>
                {others.map((one) => (
                  <option key={one.user_id} value={one.user_id}>
                    {one.name}
                  </option>
                ))}
              </Select>
              <Confirm trigger={(open) => <Button onClick={open} disabled={!heir}>Hand over</Button>} title="Hand the workspace over?" text="Only the new owner can give it back." act="Hand over" onConfirm={handOver} />
            </div>
          </div>
        </Card>
      )}
      {!owns && (
        <Card title="Leave">
          <div className="flex flex-wrap items-center justify-between gap-3">
            <p className="text-soft">You lose sight of its projects, and the API keys that you made stop.</p>
            <Confirm trigger={(open) => <Button look="danger" onClick={open}>Leave the workspace</Button>} title={`Leave ${own.name}?`} text="To come back you need an invitation." act="Leave" onConfirm={() => leave(me.data?.user.id ?? "")} />
          </div>
        </Card>
      )}
      {owns && !own.personal && (
        <Card title="Archive">
          <div className="flex flex-wrap items-center justify-between gap-3">
            <p className="text-soft">Nobody reaches its projects any more, and all its API keys stop.</p>
            <Confirm trigger={(open) => <Button look="danger" onClick={open}>Archive the workspace</Button>} title={`Archive ${own.name}?`} text="Programs that fetch prompts from its projects get an error from now on." act="Archive" onConfirm={archive} />
          </div>
        </Card>
      )}
    </>
  );
}
