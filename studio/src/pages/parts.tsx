import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Page } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Empty, Failure, Skeletons } from "@/components/ui/states";
import { useMay } from "@/features/me/may";
import { createPart, partsQuery } from "@/features/parts/queries";
import { paths } from "@/config/paths";
import { ago, plural } from "@/lib/format";
import { useTitle } from "@/lib/hooks";

export function PartsPage() {
  const { project = "" } = useParams({ strict: false });
  const parts = useQuery(partsQuery(project));
  const [words, setWords] = useState("");
  const [making, setMaking] = useState(false);
  useTitle("Parts");
  const shown = parts.data?.filter((one) => `${one.id} ${one.description}`.toLowerCase().includes(words.toLowerCase())) ?? [];
  const { write } = useMay(project);
  const add = write && (
    <Button look="main" onClick={() => setMaking(true)}>
      <Plus /> New part
    </Button>
  );
  return (
    <Page title="Parts" lead={parts.data ? plural(shown.length, "part") : " "} actions={add}>
      {parts.error ? (
        <Failure error={parts.error} retry={() => void parts.refetch()} />
      ) : parts.isPending ? (
        <Skeletons rows={6} />
      ) : parts.data.length === 0 ? (
        <Empty title="No parts yet" action={add}>
          A part is a text that many prompts share, like a tone of voice or a policy. Prompts take it in with <code className="font-mono">{'{% include "tone/friendly" %}'}</code>, and follow it when it changes.
        </Empty>
      ) : (
        <>
          <Input type="search" aria-label="Search the parts" placeholder="Search" className="max-w-sm" value={words} onChange={(event) => setWords(event.target.value)} />
          <ul className="rounded-xl border bg-card">
            {shown.map((one) => (
              <li key={one.id} className="border-b last:border-b-0">
                <Link to={paths.part(project, one.id)} className="flex items-center gap-4 px-4 py-2.5 hover:bg-sunk">
                  <span className="min-w-0 flex-1">
                    <span className="block truncate font-mono text-[13px] font-medium">{one.id}</span>
                    <span className="block truncate text-[13px] text-soft">{one.description || "No description"}</span>
                  </span>
                  <span className="text-xs text-soft">
                    v{one.version_number}, {ago(one.updated_at)}
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
      {making && <NewPart project={project} onClose={() => setMaking(false)} />}
    </Page>
  );
}

function NewPart({ project, onClose }: { project: string; onClose: () => void }) {
  const [id, setId] = useState("");
  const [template, setTemplate] = useState("");
  const [description, setDescription] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const create = useMutation({
    mutationFn: () => createPart(project, { id, template, description }),
    onSuccess: async (part) => {
      void queries.invalidateQueries({ queryKey: ["p", project, "parts"] });
      await navigate({ to: paths.part(project, part.id) });
    },
  });
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="New part"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" busy={create.isPending} disabled={!/^[^/\s]+\/[^/\s]+$/.test(id)} onClick={() => create.mutate()}>
            Save
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3">
        <Field label="Name" hint="category/name, like tone/friendly.">{(ids) => <Input {...ids} autoFocus className="font-mono" value={id} onChange={(event) => setId(event.target.value)} />}</Field>
        <Field label="Description">{(ids) => <Input {...ids} value={description} onChange={(event) => setDescription(event.target.value)} />}</Field>
        <Field label="Text">{(ids) => <Textarea {...ids} rows={6} value={template} onChange={(event) => setTemplate(event.target.value)} />}</Field>
        {create.error && <Failure error={create.error} />}
      </div>
    </Dialog>
  );
}
