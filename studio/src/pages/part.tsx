import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { Card, Page } from "@/components/layout/page";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Failure, Skeletons } from "@/components/ui/states";
import { TextDiff } from "@/components/ui/text-diff";
import { toast } from "@/components/ui/toast";
import { useMay } from "@/features/me/may";
import { CodeEditor } from "@/features/editor/code-editor";
import { deletePart, partDiffQuery, partQuery, partVersionsQuery, rollbackPart, savePart, usagesQuery, type Part } from "@/features/parts/queries";
import { paths } from "@/config/paths";
import { ago, moment, plural } from "@/lib/format";
import { useShortcut, useTitle } from "@/lib/hooks";

export function PartPage() {
  const { project = "", category = "", part = "" } = useParams({ strict: false });
  const id = `${category}/${part}`;
  useTitle(id);
  const found = useQuery(partQuery(project, id));
  if (found.error) return <Page title={id}><Failure error={found.error} retry={() => void found.refetch()} /></Page>;
  if (!found.data) return <Page title={id}><Skeletons rows={3} className="h-32" /></Page>;
  return <Writing key={found.data.data.content_hash} project={project} part={found.data.data} etag={found.data.etag} />;
}

function Writing({ project, part, etag }: { project: string; part: Part; etag: string | undefined }) {
  const [template, setTemplate] = useState(part.template);
  const [description, setDescription] = useState(part.description);
  const [message, setMessage] = useState("");
  const [asking, setAsking] = useState(false);
  const [shown, setShown] = useState<number | null>(null);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const usages = useQuery(usagesQuery(project, part.id));
  const versions = useQuery(partVersionsQuery(project, part.id));
  const dirty = template !== part.template || description !== part.description;
  const fresh = () => queries.invalidateQueries({ queryKey: ["p", project] });
  const save = useMutation({
    mutationFn: () => savePart(project, part.id, { template, description, metadata: part.metadata, message: message || null }, etag),
    onSuccess: (saved) => {
      setAsking(false);
      void fresh();
      toast.good(`Saved as version ${saved.version_number}.`);
    },
  });
  const back = useMutation({
    mutationFn: (version: number) => rollbackPart(project, part.id, version),
    onSuccess: (saved) => {
      void fresh();
      toast.good(`Version ${saved.version_number} says what the earlier one said.`);
    },
    onError: (error) => toast.bad(error),
  });
  const remove = useMutation({
    mutationFn: () => deletePart(project, part.id),
    onSuccess: () => navigate({ to: paths.parts(project) }).then(fresh),
    onError: (error) => toast.bad(error),
  });
  const { write } = useMay(project);
  useShortcut("mod+s", () => dirty && setAsking(true), write);
  const following = usages.data?.filter((one) => one.follows) ?? [];
  return (
    <Page
      title={<span className="font-mono">{part.id}</span>}
      lead={`Version ${part.version_number}, ${ago(part.updated_at)}`}
      actions={
        <>
          {write && (
            <Button look="danger" onClick={() => remove.mutate()}>
              <Trash2 /> Delete
            </Button>
          )}
          <Button look="main" disabled={!dirty || !write} onClick={() => setAsking(true)}>
            Save …
          </Button>
        </>
      }
    >
      <div className="grid grid-cols-[minmax(0,1fr)] gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="flex min-w-0 flex-col gap-4">
          <Field label="Description">{(ids) => <Input {...ids} value={description} onChange={(event) => setDescription(event.target.value)} />}</Field>
          <CodeEditor label="Text of the part" language="jinja" value={template} onChange={setTemplate} className="bg-card [&_.cm-content]:min-h-60!" />
        </div>
        <div className="flex flex-col gap-4">
          <Card title="Used by">
            {usages.data?.length === 0 ? (
              <p className="text-soft">No prompt takes it in yet.</p>
            ) : (
              <ul className="flex flex-col gap-1.5">
                {usages.data?.map((one) => (
                  <li key={`${one.kind}${one.id}${one.version_number}`} className="flex flex-wrap items-center gap-2 text-[13px]">
                    <Link className="font-mono text-leaf hover:underline" to={one.kind === "prompt" ? paths.prompt(project, one.id) : paths.part(project, one.id)}>
                      {one.id}
                    </Link>
                    <span className="text-soft">v{one.version_number}</span>
                    {one.follows ? <Badge tone="leaf">follows</Badge> : <Badge>stays at v{one.part_version_number}</Badge>}
                  </li>
                ))}
              </ul>
            )}
          </Card>
          <Card title="History">
            <ol className="flex flex-col gap-2">
              {versions.data?.map((one) => (
                <li key={one.version_number} className="flex flex-wrap items-center gap-x-2 text-[13px]">
                  <span className="font-medium">v{one.version_number}</span>
                  <span className="min-w-0 flex-1 truncate text-soft" title={moment(one.created_at)}>{one.message || ago(one.created_at)}</span>
                  {one.version_number > 1 && (
                    <Button size="sm" look="ghost" onClick={() => setShown(one.version_number)}>
                      Diff
                    </Button>
                  )}
                  {write && one.version_number !== part.version_number && (
                    <Button size="sm" look="ghost" onClick={() => back.mutate(one.version_number)}>
                      Roll back
                    </Button>
                  )}
                </li>
              ))}
            </ol>
          </Card>
        </div>
      </div>
      {shown && <DiffDialog project={project} id={part.id} version={shown} onClose={() => setShown(null)} />}
      <Dialog
        wide
        open={asking}
        onOpenChange={setAsking}
        title={`Save ${part.id}`}
        description={following.length ? `${plural(following.length, "version")} of prompts and parts follow it: they get a new version with this text.` : "No prompt follows it."}
        footer={
          <>
            <Button onClick={() => setAsking(false)}>Cancel</Button>
            <Button look="main" busy={save.isPending} onClick={() => save.mutate()}>
              Save version {part.version_number + 1}
            </Button>
          </>
        }
      >
        <div className="flex flex-col gap-3">
          <Field label="What changed, and why">{(ids) => <Input {...ids} autoFocus value={message} onChange={(event) => setMessage(event.target.value)} />}</Field>
          {save.error && <Failure error={save.error} />}
          <TextDiff before={part.template} after={template} label="What changed" />
        </div>
      </Dialog>
    </Page>
  );
}

function DiffDialog({ project, id, version, onClose }: { project: string; id: string; version: number; onClose: () => void }) {
  const diff = useQuery(partDiffQuery(project, id, version - 1, version));
  return (
    <Dialog wide open onOpenChange={onClose} title={`Version ${version} against ${version - 1}`}>
      {diff.error ? (
        <Failure error={diff.error} />
      ) : !diff.data ? (
        <Skeletons rows={1} className="h-32" />
      ) : (
        diff.data.changes.map((change) => (
          <section key={change.field} className="mb-4 flex flex-col gap-1">
            <h3 className="text-[13px] text-soft">{change.field}</h3>
            <TextDiff label={change.field} before={asText(change.before) ?? linesOf(change.lines, "insert")} after={asText(change.after) ?? linesOf(change.lines, "delete")} />
          </section>
        ))
      )}
    </Dialog>
  );
}

const asText = (value: unknown) => (value === undefined || value === null ? undefined : typeof value === "string" ? value : JSON.stringify(value, null, 2));
const linesOf = (lines: { op: string; text: string }[] | null | undefined, without: string) =>
  lines?.filter((line) => line.op !== without).map((line) => line.text).join("\n") ?? "";
