import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Card } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { CopyButton } from "@/components/ui/copy";
import { Field, Input, Select } from "@/components/ui/field";
import { Empty, Failure, Skeletons } from "@/components/ui/states";
import { Table } from "@/components/ui/table";
import { toast } from "@/components/ui/toast";
import { Changeable, mayOf } from "@/features/me/may";
import { meQuery } from "@/features/me/queries";
import { body, http, type Schemas } from "@/lib/api/client";
import { ago } from "@/lib/format";
import { login } from "@/lib/login";
import { NewTeam } from "./new-team";
import { invitationsQuery, membersQuery } from "./queries";

type Role = Schemas["Role"];
const ROLES: Role[] = ["admin", "editor", "viewer"];

/** Who belongs to a workspace, as what, and who is invited. */
export function Members({ workspace }: { workspace: string }) {
  const at = { params: { path: { workspace_id: workspace } } };
  const queries = useQueryClient();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("editor");
  const [link, setLink] = useState<string | null>(null);
  const me = useQuery(meQuery);
  const own = me.data?.workspaces.find((one) => one.id === workspace);
  const { manage } = mayOf(own?.role);
  const [making, setMaking] = useState(false);
  const members = useQuery(membersQuery(workspace));
  const invitations = useQuery({ ...invitationsQuery(workspace), enabled: manage });
  const fresh = () => queries.invalidateQueries({ queryKey: ["w", workspace] });
  const member = (user: string) => ({ params: { path: { workspace_id: workspace, user_id: user } } });
  const change = useMutation({
    mutationFn: ({ user, to }: { user: string; to: Role }) => body(http.PATCH("/api/workspaces/{workspace_id}/members/{user_id}", { ...member(user), body: { role: to } })),
    onSuccess: fresh,
    onError: (error) => toast.bad(error),
  });
  const invite = useMutation({
    mutationFn: () => body(http.POST("/api/workspaces/{workspace_id}/invitations", { ...at, body: { email, role } })),
    onSuccess: (made) => {
      setEmail("");
      setLink(made.link);
      void fresh();
      toast.good(made.link ? "Send them the link." : "The invitation is on its way.");
    },
  });
  const revoke = async (id: string) => {
    await body(http.DELETE("/api/workspaces/{workspace_id}/invitations/{invitation_id}", { params: { path: { workspace_id: workspace, invitation_id: id } } }));
    await fresh();
  };
  if (members.error) return <Failure error={members.error} retry={() => void members.refetch()} />;
  if (!members.data) return <Skeletons rows={3} />;
  return (
    <Changeable may={manage}>
      <Table label="Members">
        <thead>
          <tr>
            {["Name", "E-mail", "Role", "Since", ""].map((name) => (
              <th key={name}>{name || <span className="sr-only">Actions</span>}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {members.data.map((one) => (
            <tr key={one.user_id}>
              <td className="font-medium">{one.name}</td>
              <td>{one.email ?? "–"}</td>
              <td>
                {one.role === "owner" ? (
                  "owner"
                ) : (
                  <Select aria-label={`Role of ${one.name}`} className="h-8 w-28" value={one.role} onChange={(event) => change.mutate({ user: one.user_id, to: event.target.value as Role })}>
                    {ROLES.map((name) => (
                      <option key={name}>{name}</option>
                    ))}
                  </Select>
                )}
              </td>
              <td className="text-soft">{ago(one.created_at)}</td>
              <td className="text-right">
                {one.role !== "owner" && (
                  <Confirm trigger={(open) => <Button size="sm" look="ghost" onClick={open}>Remove</Button>} title={`Remove ${one.name}?`} text="Their sessions and the API keys that they made stop at once." act="Remove" onConfirm={async () => { await body(http.DELETE("/api/workspaces/{workspace_id}/members/{user_id}", member(one.user_id))); await fresh(); }} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      {login.mode === "none" ? (
        <Empty title="Nobody else can come in">
          This server asks nobody who they are, so there is nobody to invite. With a login (Clerk, or any OpenID Connect issuer) people sign in, and you invite them here.
        </Empty>
      ) : own?.personal ? (
        <Empty
          title="This workspace is yours alone"
          action={
            <Button look="main" onClick={() => setMaking(true)}>
              New team workspace
            </Button>
          }
        >
          To work together, make a workspace for your team and invite people into it. Prompts go there by export and import.
          <NewTeam open={making} onClose={() => setMaking(false)} />
        </Empty>
      ) : (
        <Card title="Invite somebody">
          <form
            className="flex max-w-2xl flex-wrap items-end gap-2"
            onSubmit={(event) => {
              event.preventDefault();
              invite.mutate();
            }}
          >
            <Field label="E-mail" className="min-w-52 flex-1">{(ids) => <Input {...ids} type="email" required value={email} onChange={(event) => setEmail(event.target.value)} />}</Field>
            <Field label="Role">
              {(ids) => (
                <Select {...ids} value={role} onChange={(event) => setRole(event.target.value as Role)}>
                  {ROLES.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </Select>
              )}
            </Field>
            <Button type="submit" look="main" busy={invite.isPending}>
              Invite
            </Button>
          </form>
          {invite.error && <div className="mt-3"><Failure error={invite.error} /></div>}
          {link && (
            <div className="mt-3 flex flex-wrap items-center gap-2">
              <code className="min-w-0 flex-1 rounded-md bg-sunk px-3 py-2 font-mono text-xs break-all">{link}</code>
              <CopyButton text={link} label="Copy the link" />
            </div>
          )}
          {!!invitations.data?.length && (
            <ul className="mt-4 flex flex-col gap-2 border-t pt-3">
              {invitations.data.map((one) => (
                <li key={one.id} className="flex flex-wrap items-center gap-2">
                  <span>{one.email}</span>
                  <span className="text-soft">
                    as {one.role}, {one.delivery}, ends {ago(one.expires_at)}
                  </span>
                  <Button size="sm" look="ghost" className="ml-auto" onClick={() => void revoke(one.id).catch(toast.bad)}>
                    Take back
                  </Button>
                </li>
              ))}
            </ul>
          )}
        </Card>
      )}
    </Changeable>
  );
}
