import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { History, Tag } from "lucide-react";
import { useState } from "react";
import { Card } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input, Select } from "@/components/ui/field";
import { LabelBadge } from "@/components/ui/label-badge";
import { Failure, Skeletons } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { useMay } from "@/features/me/may";
import { MoveLabel } from "@/features/labels/move-label";
import { labelsQuery, removeLabel } from "@/features/labels/queries";
import { PromptTabs } from "@/features/prompts/prompt-tabs";
import { draftOf, promptQuery, versionQuery, type PromptDraft } from "@/features/prompts/queries";
import { PromptDiff } from "@/features/versions/prompt-diff";
import { rollback, versionsQuery, type PromptVersion } from "@/features/versions/queries";
import { paths } from "@/config/paths";
import { cn } from "@/lib/cn";
import { ago, moment } from "@/lib/format";
import { useTitle } from "@/lib/hooks";

export function HistoryPage() {
  const { project = "", prompt: id = "" } = useParams({ strict: false });
  useTitle(id, "History");
  const pages = useInfiniteQuery(versionsQuery(project, id));
  const labels = useQuery(labelsQuery(project, id));
  const versions = pages.data?.pages.flatMap((page) => page.data) ?? [];
  const [chosen, setChosen] = useState<number | null>(null);
  const [against, setAgainst] = useState<number | null>(null);
  const shown = chosen ?? versions[0]?.version_number;
  const older = against ?? (shown && shown > 1 ? shown - 1 : null);
  const on = (number: number) => labels.data?.filter((one) => one.version_number === number && one.label !== "latest") ?? [];

  return (
    <div className="mx-auto flex max-w-[110rem] flex-col gap-4 px-4 py-5 sm:px-6">
      <PromptTabs project={project} id={id} />
      {pages.error ? (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      ) : pages.isPending ? (
        <Skeletons rows={5} className="h-16" />
      ) : (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-4 lg:grid-cols-[20rem_minmax(0,1fr)]">
          <div>
            <ol aria-label="Versions" className="relative flex flex-col border-l-2 pl-3">
              {versions.map((one) => (
                <Line key={one.version_number} version={one} labels={on(one.version_number).map((label) => label.label)} chosen={shown === one.version_number} choose={() => { setChosen(one.version_number); setAgainst(null); }} />
              ))}
            </ol>
            {pages.hasNextPage && (
              <Button size="sm" className="mt-3" busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                Older versions
              </Button>
            )}
          </div>
          {shown && (
            <Version key={shown} project={project} prompt={id} version={shown} older={older} newest={versions[0]?.version_number ?? shown} versions={versions} setAgainst={setAgainst} labels={on(shown).map((one) => one.label)} />
          )}
        </div>
      )}
    </div>
  );
}

const NOTHING: PromptDraft = { id: "", description: "", inputs: {}, metadata: {} };

function Line({ version, labels, chosen, choose }: { version: PromptVersion; labels: string[]; chosen: boolean; choose: () => void }) {
  return (
    <li className="relative">
      <span aria-hidden className={cn("absolute top-4 -left-[18px] size-2.5 rounded-full border-2 border-card", chosen ? "bg-leaf" : "bg-line-strong")} />
      <button type="button" aria-current={chosen || undefined} onClick={choose} className={cn("w-full rounded-lg px-3 py-2 text-left hover:bg-sunk", chosen && "bg-leaf-wash")}>
        <span className="flex flex-wrap items-center gap-2">
          <span className="font-medium">Version {version.version_number}</span>
          <span className="font-mono text-xs text-soft">{version.version}</span>
          {labels.map((label) => (
            <LabelBadge key={label} label={label} />
          ))}
        </span>
        <span className="block truncate text-[13px] text-soft">{version.message || "No message"}</span>
        <time className="text-xs text-soft" dateTime={version.created_at} title={moment(version.created_at)}>
          {ago(version.created_at)}
        </time>
      </button>
    </li>
  );
}

type VersionProps = { project: string; prompt: string; version: number; older: number | null; newest: number; versions: PromptVersion[]; labels: string[]; setAgainst: (n: number | null) => void };

function Version({ project, prompt, version, older, newest, versions, labels, setAgainst }: VersionProps) {
  const queries = useQueryClient();
  const [dialog, setDialog] = useState<"label" | "rollback" | null>(null);
  const [message, setMessage] = useState("");
  const after = useQuery(versionQuery(project, prompt, version));
  const before = useQuery({ ...versionQuery(project, prompt, older ?? 0), enabled: older !== null });
  const ready = after.data !== undefined && (older === null || before.data !== undefined);
  const head = useQuery(promptQuery(project, prompt));
  const { write } = useMay(project);
  const back = useMutation({
    mutationFn: () => rollback(project, prompt, version, message, head.data?.etag),
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ["p", project] });
      setDialog(null);
      toast.good(`Version ${made.version_number} says what version ${version} said.`);
    },
  });
  const takeOff = useMutation({
    mutationFn: (label: string) => removeLabel(project, prompt, label),
    onSuccess: (_, label) => {
      void queries.invalidateQueries({ queryKey: ["p", project] });
      toast.good(`${label} is on no version any more.`);
    },
    onError: (error) => toast.bad(error),
  });
  return (
    <div className="flex min-w-0 flex-col gap-4">
      <div className="flex flex-wrap items-center gap-2">
        <h2 className="mr-auto text-base font-semibold">Version {version}</h2>
        {write && version !== newest && (
          <Button size="sm" onClick={() => setDialog("rollback")}>
            <History /> Roll back to this
          </Button>
        )}
        {write && (
          <Button size="sm" look="main" onClick={() => setDialog("label")}>
            <Tag /> Release …
          </Button>
        )}
      </div>
      <Card
        title={older ? "What changed" : "The first version"}
        actions={
          older && (
            <label className="flex items-center gap-2 text-xs text-soft">
              against
              <Select aria-label="Compare with" className="h-7 w-32 py-0 text-xs" value={older} onChange={(event) => setAgainst(Number(event.target.value))}>
                {versions.filter((one) => one.version_number !== version).map((one) => (
                  <option key={one.version_number} value={one.version_number}>
                    version {one.version_number}
                  </option>
                ))}
              </Select>
            </label>
          )
        }
      >
        {after.error || before.error ? (
          <Failure error={after.error ?? before.error} />
        ) : ready && after.data ? (
          <PromptDiff before={before.data && older !== null ? draftOf(before.data) : { ...NOTHING, id: prompt }} after={draftOf(after.data)} />
        ) : (
          <Skeletons rows={2} className="h-24" />
        )}
      </Card>
      {/* Below a text of any length: it comes with it, so that nothing is pushed away. */}
      {ready && (
        <Card title="Where it is used">
          <ul className="flex flex-col gap-2">
            {labels.map((label) => (
              <li key={label} className="flex items-center gap-2">
                <LabelBadge label={label} /> <span className="text-soft">programs that fetch this label get it</span>
                {write && (
                  <Button size="sm" look="ghost" className="ml-auto" onClick={() => takeOff.mutate(label)}>
                    Take off
                  </Button>
                )}
              </li>
            ))}
            {after.data?.parts.map((part) => (
              <li key={part.id}>
                <Link className="font-mono text-[13px] text-leaf hover:underline" to={paths.part(project, part.id)}>
                  {part.id}
                </Link>{" "}
                <span className="text-soft">version {part.version_number} stands in it</span>
              </li>
            ))}
            <li>
              <Link className="text-leaf hover:underline" to={paths.runs(project)} search={{ prompt, version: String(version) }}>
                Runs of this version
              </Link>
            </li>
          </ul>
        </Card>
      )}
      {dialog === "label" && <MoveLabel project={project} prompt={prompt} version={version} onClose={() => setDialog(null)} />}
      <Dialog
        open={dialog === "rollback"}
        onOpenChange={() => setDialog(null)}
        title={`Roll back to version ${version}`}
        description="A new version is made with what this one says. Nothing in between is lost."
        footer={
          <>
            <Button onClick={() => setDialog(null)}>Cancel</Button>
            <Button look="main" busy={back.isPending} onClick={() => back.mutate()}>
              Roll back
            </Button>
          </>
        }
      >
        <div className="flex flex-col gap-3">
          <Field label="Why">{(ids) => <Input {...ids} value={message} placeholder="Optional" onChange={(event) => setMessage(event.target.value)} />}</Field>
          {back.error && <Failure error={back.error} />}
        </div>
      </Dialog>
    </div>
  );
}
