import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { useState } from "react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { CopyButton } from "@/components/ui/copy";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input, Select } from "@/components/ui/field";
import { Empty, Failure, Skeletons } from "@/components/ui/states";
import { Table } from "@/components/ui/table";
import { body, http, type Schemas } from "@/lib/api/client";
import { ago, moment } from "@/lib/format";

type Scope = Schemas["Scope"];
const SCOPES: [Scope, string][] = [
  ["read", "read prompts"],
  ["render", "render prompts"],
  ["write", "change prompts"],
  ["execute", "run prompts on models"],
  ["log", "record runs"],
];
const TONES = { live: "moss", rotated: "ember", expired: "plain", revoked: "rose" } as const;

export function ApiKeys({ project }: { project: string }) {
  const params = { path: { project_id: project } };
  const queries = useQueryClient();
  const found = useQuery({
    queryKey: ["p", project, "api-keys"],
    queryFn: () => body(http.GET("/api/projects/{project_id}/api-keys", { params: { ...params, query: { limit: 200 } } })),
  });
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const fresh = () => queries.invalidateQueries({ queryKey: ["p", project, "api-keys"] });
  const rotate = async (id: string) => {
    const made = await body(http.POST("/api/projects/{project_id}/api-keys/{key_id}/rotate", { params: { path: { project_id: project, key_id: id } }, body: { overlap_hours: 24 } }));
    setSecret(made.key);
    await fresh();
  };
  const revoke = async (id: string) => {
    await body(http.DELETE("/api/projects/{project_id}/api-keys/{key_id}", { params: { path: { project_id: project, key_id: id } } }));
    await fresh();
  };
  if (found.error) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeletons rows={4} />;
  const add = (
    <Button look="main" onClick={() => setMaking(true)}>
      <KeyRound /> New API key
    </Button>
  );
  return (
    <>
      {found.data.length === 0 ? (
        <Empty title="No API keys" action={add}>
          Programs come with a key of one project, which may do only what it has to.
        </Empty>
      ) : (
        <>
          <div>{add}</div>
          <Table label="API keys">
            <thead>
              <tr>
                {["Name", "Key", "May", "State", "Last used", ""].map((name) => (
                  <th key={name}>{name || <span className="sr-only">Actions</span>}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {found.data.map((key) => (
                <tr key={key.id}>
                  <td className="font-medium">{key.name}</td>
                  <td className="font-mono">{key.key_hint}</td>
                  <td>
                    {key.scopes.join(", ")}
                    {key.labels && <span className="text-soft"> ({key.labels.join(", ")} only)</span>}
                  </td>
                  <td>
                    <Badge tone={TONES[key.status]} title={key.expires_at ? `Until ${moment(key.expires_at)}` : "No end"}>
                      {key.status}
                    </Badge>
                  </td>
                  <td className="text-soft">{key.last_used_at ? ago(key.last_used_at) : "never"}</td>
                  <td className="text-right whitespace-nowrap">
                    {key.status === "live" && (
                      <>
                        <Confirm trigger={(open) => <Button size="sm" look="ghost" onClick={open}>Rotate</Button>} title={`Rotate ${key.name}?`} text="A new key is made; the old one works for another 24 hours." act="Rotate" onConfirm={() => rotate(key.id)} />
                        <Confirm trigger={(open) => <Button size="sm" look="ghost" onClick={open}>Revoke</Button>} title={`Revoke ${key.name}?`} text="Programs that use it are refused from the next request on." act="Revoke" onConfirm={() => revoke(key.id)} />
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        </>
      )}
      {making && <NewKey project={project} onClose={() => setMaking(false)} onMade={(key) => { setMaking(false); setSecret(key); void fresh(); }} />}
      <Dialog open={secret !== null} onOpenChange={() => setSecret(null)} title="The new key" description="It is shown this once. Put it where your program reads its secrets." footer={<Button look="main" onClick={() => setSecret(null)}>Done</Button>}>
        <div className="flex flex-wrap items-center gap-2">
          <code className="min-w-0 flex-1 rounded-md bg-sunk px-3 py-2 font-mono text-[13px] break-all">{secret}</code>
          <CopyButton text={secret ?? ""} />
        </div>
      </Dialog>
    </>
  );
}

function NewKey({ project, onClose, onMade }: { project: string; onClose: () => void; onMade: (key: string) => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(["read", "render"]);
  const [labels, setLabels] = useState("");
  const [days, setDays] = useState("");
  const make = useMutation({
    mutationFn: () => {
      const only = labels.split(",").map((one) => one.trim()).filter(Boolean);
      return body(
        http.POST("/api/projects/{project_id}/api-keys", {
          params: { path: { project_id: project } },
          body: { name, scopes, labels: only.length ? only : null, expires_in_days: days ? (Number(days) as 30) : null },
        }),
      );
    },
    // The secret goes to the dialog and is kept by nothing else.
    gcTime: 0,
    onSuccess: (made) => onMade(made.key),
  });
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="New API key"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" busy={make.isPending} disabled={!name.trim() || scopes.length === 0} onClick={() => make.mutate()}>
            Make the key
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <Field label="Name" hint="What will use it, like checkout-service.">{(ids) => <Input {...ids} autoFocus value={name} onChange={(event) => setName(event.target.value)} />}</Field>
        <fieldset className="flex flex-col gap-1.5">
          <legend className="mb-1 text-[13px] font-medium">It may</legend>
          {SCOPES.map(([scope, what]) => (
            <label key={scope} className="flex items-center gap-2">
              <input type="checkbox" className="size-4 accent-(--leaf)" checked={scopes.includes(scope)} onChange={(event) => setScopes(event.target.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))} />
              {what}
            </label>
          ))}
        </fieldset>
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Only these labels" hint="Separated by commas; empty: all.">{(ids) => <Input {...ids} value={labels} placeholder="production" onChange={(event) => setLabels(event.target.value)} />}</Field>
          <Field label="Ends">
            {(ids) => (
              <Select {...ids} value={days} onChange={(event) => setDays(event.target.value)}>
                <option value="">never</option>
                <option value="30">in 30 days</option>
                <option value="90">in 90 days</option>
                <option value="365">in a year</option>
              </Select>
            )}
          </Field>
        </div>
        {make.error && <Failure error={make.error} />}
      </div>
    </Dialog>
  );
}
