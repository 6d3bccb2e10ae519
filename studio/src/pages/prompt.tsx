import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { MoreHorizontal, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { LabelBadge } from "@/components/ui/label-badge";
import { Menu, MenuItem } from "@/components/ui/menu";
import { Failure, Notice, Skeletons } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { useMay } from "@/features/me/may";
import { ConflictDialog } from "@/features/editor/conflict-dialog";
import { forgetWork, useWork, type Work } from "@/features/editor/draft";
import { PromptEditor } from "@/features/editor/prompt-editor";
import { PromptTabs } from "@/features/prompts/prompt-tabs";
import { deletePrompt, draftOf, promptQuery, restorePrompt, savePrompt, type Prompt, type PromptDraft } from "@/features/prompts/queries";
import { PromptDiff } from "@/features/versions/prompt-diff";
import { paths } from "@/config/paths";
import { ApiProblem } from "@/lib/api/client";
import { useShortcut, useTitle } from "@/lib/hooks";

export function PromptPage() {
  const { project = "", prompt: id = "" } = useParams({ strict: false });
  useTitle(id);
  const loaded = useQuery(promptQuery(project, id));
  return (
    <div className="mx-auto flex max-w-[110rem] flex-col gap-4 px-4 py-5 sm:px-6">
      {loaded.data ? (
        <Writing key={id} project={project} prompt={loaded.data.data} etag={loaded.data.etag} />
      ) : (
        <>
          <PromptTabs project={project} id={id} />
          {loaded.error ? <Failure error={loaded.error} retry={() => void loaded.refetch()} /> : <Skeletons rows={4} className="h-40" />}
        </>
      )}
    </div>
  );
}

type Conflict = { prompt: Prompt; etag: string | undefined };

function Writing({ project, prompt, etag }: { project: string; prompt: Prompt; etag: string | undefined }) {
  const id = prompt.id;
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { work, dirty, change, startFrom } = useWork(project, id, { base: draftOf(prompt), baseVersion: prompt.version_number, etag });
  const [asking, setAsking] = useState(false);
  const [message, setMessage] = useState("");
  const [conflict, setConflict] = useState<Conflict | null>(null);

  const settle = (saved: Prompt, tag: string | undefined) => {
    const fresh = draftOf(saved);
    startFrom({ draft: fresh, base: fresh, baseVersion: saved.version_number, etag: tag });
    queries.setQueryData(promptQuery(project, id).queryKey, { data: saved, etag: tag, total: undefined, cursor: undefined });
    void queries.invalidateQueries({ queryKey: ["p", project] });
  };
  const save = useMutation({
    // What it stands on is said by the caller: after a conflict that is not yet what this page was drawn with.
    mutationFn: ({ draft, base, etag: tag }: Pick<Work, "draft" | "base" | "etag">) => savePrompt(project, id, withoutVersion(draft, base, message), tag),
    onSuccess: ({ data, etag: tag }) => {
      settle(data, tag);
      setAsking(false);
      setMessage("");
      setConflict(null);
      toast.good(`Saved as version ${data.version_number}.`);
    },
    onError: async (error) => {
      if (!(error instanceof ApiProblem && error.status === 412)) return;
      setAsking(false);
      const theirs = await queries.fetchQuery({ ...promptQuery(project, id), staleTime: 0 });
      setConflict({ prompt: theirs.data, etag: theirs.etag });
    },
  });
  const remove = useMutation({
    mutationFn: () => deletePrompt(project, id),
    onSuccess: async () => {
      forgetWork(project, id);
      await navigate({ to: paths.prompts(project) });
      void queries.invalidateQueries({ queryKey: ["p", project] });
      const undo = () =>
        void restorePrompt(project, id)
          .then(() => queries.invalidateQueries({ queryKey: ["p", project] }))
          .then(() => navigate({ to: paths.prompt(project, id) }))
          .catch(toast.bad);
      toast.good(`${id} is deleted; it can be restored for 30 days.`, { label: "Undo", act: undo });
    },
    onError: (error) => toast.bad(error),
  });
  const { write } = useMay(project);
  useShortcut("mod+s", () => dirty && setAsking(true), write);

  // Nothing of one's own yet, and a newer version came in: it is shown at once.
  if (!dirty && prompt.version_number > work.baseVersion) {
    const fresh = draftOf(prompt);
    startFrom({ draft: fresh, base: fresh, baseVersion: prompt.version_number, etag });
  }
  const behind = dirty && prompt.version_number > work.baseVersion;

  return (
    <>
      <PromptTabs
        project={project}
        id={id}
        facts={
          <>
            <Badge>version {work.baseVersion}</Badge>
            {prompt.labels.filter((label) => label !== "latest").map((label) => (
              <LabelBadge key={label} label={label} />
            ))}
            <span aria-live="polite">{dirty && <Badge tone="ember">not saved</Badge>}</span>
          </>
        }
        actions={
          <>
            {dirty && (
              <Button look="ghost" onClick={() => startFrom({ ...work, draft: work.base })}>
                <RotateCcw /> Discard
              </Button>
            )}
            <Button look="main" disabled={!dirty || !write} onClick={() => setAsking(true)}>
              Save …
            </Button>
            <Menu
              trigger={
                <Button look="ghost" size="icon" aria-label="More">
                  <MoreHorizontal />
                </Button>
              }
            >
              <MenuItem onSelect={() => void navigator.clipboard.writeText(id).then(() => toast.good("Name copied."))}>Copy the name</MenuItem>
              {write && (
                <MenuItem danger onSelect={() => remove.mutate()}>
                  <Trash2 /> Delete
                </MenuItem>
              )}
            </Menu>
          </>
        }
      />
      {!write && <Notice>You may read and try this prompt. To save what you change takes the role editor in this workspace.</Notice>}
      {behind && (
        <div role="status" className="flex flex-wrap items-center gap-3 rounded-lg bg-ember-wash px-4 py-2.5 text-ember">
          Version {prompt.version_number} was saved by somebody else while you were writing. Yours is safe: saving puts both together.
          <Button size="sm" className="ml-auto" onClick={() => setConflict({ prompt, etag })}>
            Put together now
          </Button>
        </div>
      )}
      <PromptEditor project={project} draft={work.draft} change={change} />
      <Dialog
        wide
        open={asking}
        onOpenChange={setAsking}
        title={`Save ${id}`}
        description="It becomes the newest version. Labels stay where they are until somebody moves them."
        footer={
          <>
            <Button onClick={() => setAsking(false)}>Cancel</Button>
            <Button look="main" busy={save.isPending} onClick={() => save.mutate(work)}>
              Save version {work.baseVersion + 1}
            </Button>
          </>
        }
      >
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate(work);
          }}
        >
          <Field label="What changed, and why" hint="Optional; it stands in the history.">
            {(ids) => <Input {...ids} autoFocus value={message} maxLength={500} onChange={(event) => setMessage(event.target.value)} />}
          </Field>
          {save.error && !(save.error instanceof ApiProblem && save.error.status === 412) && <Failure error={save.error} />}
          <PromptDiff before={work.base} after={work.draft} />
        </form>
      </Dialog>
      {conflict && (
        <ConflictDialog
          base={work.base}
          mine={work.draft}
          theirs={draftOf(conflict.prompt)}
          theirVersion={conflict.prompt.version_number}
          onClose={() => setConflict(null)}
          onResolved={(draft) => {
            const merged: Work = { draft, base: draftOf(conflict.prompt), baseVersion: conflict.prompt.version_number, etag: conflict.etag };
            startFrom(merged);
            save.mutate(merged);
          }}
        />
      )}
    </>
  );
}

/** The body of a save. The version is the server's to choose, unless somebody wrote another one. */
function withoutVersion(draft: PromptDraft, base: PromptDraft, message: string) {
  return { ...draft, version: draft.version === base.version ? undefined : draft.version, message: message || null };
}
