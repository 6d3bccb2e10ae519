import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input, Select } from "@/components/ui/field";
import { Empty, Failure, Skeletons } from "@/components/ui/states";
import { Table } from "@/components/ui/table";
import { body, http, type Schemas } from "@/lib/api/client";

type Kind = Schemas["Kind"];
const KINDS: [Kind, string][] = [
  ["openai", "OpenAI"],
  ["anthropic", "Anthropic"],
  ["google", "Google"],
  ["azure", "Azure OpenAI"],
  ["mistral", "Mistral"],
  ["openai_compatible", "Another address (Ollama, vLLM, LM Studio …)"],
];

export function Providers({ project }: { project: string }) {
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const found = useQuery({
    queryKey: ["p", project, "providers"],
    queryFn: () => body(http.GET("/api/projects/{project_id}/providers", { params: { path: { project_id: project } } })),
  });
  const fresh = () => {
    void queries.invalidateQueries({ queryKey: ["p", project, "providers"] });
    return queries.invalidateQueries({ queryKey: ["p", project, "models"] });
  };
  const remove = async (provider: string) => {
    await body(http.DELETE("/api/projects/{project_id}/providers/{provider}", { params: { path: { project_id: project, provider } } }));
    await fresh();
  };
  if (found.error) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeletons rows={3} />;
  const add = (
    <Button look="main" onClick={() => setAdding(true)}>
      Add a provider
    </Button>
  );
  return (
    <>
      {found.data.length === 0 ? (
        <Empty title="No provider yet" action={add}>
          With a provider&apos;s key, prompts run here and through the API. Keys are sealed before they are stored, and never shown again.
        </Empty>
      ) : (
        <>
          <div>{add}</div>
          <Table label="Providers">
            <thead>
              <tr>
                {["Name", "Kind", "Address", "Key", "From", ""].map((name) => (
                  <th key={name}>{name || <span className="sr-only">Actions</span>}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {found.data.map((one) => (
                <tr key={one.name}>
                  <td className="font-medium">{one.name}</td>
                  <td>{KINDS.find(([kind]) => kind === one.kind)?.[1].split(" (")[0]}</td>
                  <td className="font-mono">{one.base_url ?? "its own"}</td>
                  <td className="font-mono">{one.key_hint ?? "none"}</td>
                  <td>{one.origin === "project" ? <Badge tone="leaf">this project</Badge> : <Badge>the server</Badge>}</td>
                  <td className="text-right">
                    {one.origin === "project" && (
                      <Confirm trigger={(open) => <Button size="sm" look="ghost" onClick={open}>Remove</Button>} title={`Remove ${one.name}?`} text="Prompts cannot run on it any more; its key is deleted." act="Remove" onConfirm={() => remove(one.name)} />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        </>
      )}
      {adding && <AddProvider project={project} onClose={() => setAdding(false)} onAdded={() => { setAdding(false); void fresh(); }} />}
    </>
  );
}

function AddProvider({ project, onClose, onAdded }: { project: string; onClose: () => void; onAdded: () => void }) {
  const [kind, setKind] = useState<Kind>("openai");
  const [name, setName] = useState("");
  const [key, setKey] = useState("");
  const [address, setAddress] = useState("");
  const [version, setVersion] = useState("");
  const [models, setModels] = useState("");
  const provider = name.trim() || (kind === "openai_compatible" ? "local" : kind);
  const needsAddress = kind === "openai_compatible" || kind === "azure";
  const add = useMutation({
    mutationFn: () =>
      body(
        http.PUT("/api/projects/{project_id}/providers/{provider}", {
          params: { path: { project_id: project, provider } },
          body: {
            kind,
            api_key: key || null,
            base_url: address || null,
            api_version: version || null,
            models: models.split(",").map((one) => one.trim()).filter(Boolean),
          },
        }),
      ),
    gcTime: 0,
    onSuccess: onAdded,
  });
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Add a provider"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" busy={add.isPending} disabled={needsAddress ? !address : !key} onClick={() => add.mutate()}>
            Save
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3">
        <Field label="Kind">
          {(ids) => (
            <Select {...ids} value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
              {KINDS.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Key" hint={kind === "openai_compatible" ? "Optional for a server of your own." : "Stored sealed, never shown again."}>
          {(ids) => <Input {...ids} type="password" autoComplete="off" value={key} onChange={(event) => setKey(event.target.value)} />}
        </Field>
        <Field label="Address" hint={kind === "openai_compatible" ? "Like http://localhost:11434/v1" : needsAddress ? "Of your Azure resource." : "Only where it is not the provider's own."}>
          {(ids) => <Input {...ids} type="url" className="font-mono" value={address} onChange={(event) => setAddress(event.target.value)} />}
        </Field>
        {kind === "azure" && <Field label="API version">{(ids) => <Input {...ids} value={version} onChange={(event) => setVersion(event.target.value)} />}</Field>}
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Name" hint="How prompts call it.">{(ids) => <Input {...ids} className="font-mono" placeholder={provider} value={name} onChange={(event) => setName(event.target.value)} />}</Field>
          <Field label="Models" hint="Offered for choice; separated by commas.">{(ids) => <Input {...ids} value={models} onChange={(event) => setModels(event.target.value)} />}</Field>
        </div>
        {add.error && <Failure error={add.error} />}
      </div>
    </Dialog>
  );
}
