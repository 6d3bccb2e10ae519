import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { Page } from "@/components/layout/page";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { LabelBadge } from "@/components/ui/label-badge";
import { Empty, Failure, Notice, Skeletons } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { useMay } from "@/features/me/may";
import { meQuery } from "@/features/me/queries";
import { comment, decide, requestQuery, requestsQuery, type LabelRequest } from "@/features/labels/queries";
import { draftOf, versionQuery } from "@/features/prompts/queries";
import { PromptDiff } from "@/features/versions/prompt-diff";
import { paths } from "@/config/paths";
import { ago } from "@/lib/format";
import { useTitle } from "@/lib/hooks";

const TONES = { open: "ember", approved: "moss", rejected: "rose", withdrawn: "plain" } as const;

export function RequestsPage() {
  const { project = "" } = useParams({ strict: false });
  const [status, setStatus] = useState<"open" | undefined>("open");
  const [shown, setShown] = useState<LabelRequest | null>(null);
  useTitle("Approvals");
  const found = useQuery(requestsQuery(project, status));
  return (
    <Page
      title="Approvals"
      lead="Releases that wait for a second person."
      actions={
        <Button aria-pressed={status === undefined} onClick={() => setStatus(status ? undefined : "open")}>
          {status ? "Show decided ones too" : "Only open ones"}
        </Button>
      }
    >
      {found.error ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : found.isPending ? (
        <Skeletons />
      ) : found.data.length === 0 ? (
        <Empty title="Nothing waits">
          Protect a label under{" "}
          <Link className="text-leaf underline" to={paths.settings(project, "labels")}>
            Settings → Labels
          </Link>{" "}
          to have releases approved here before programs see them.
        </Empty>
      ) : (
        <ul className="rounded-xl border bg-card">
          {found.data.map((one) => (
            <li key={one.id} className="border-b last:border-b-0">
              <button type="button" className="flex w-full flex-wrap items-center gap-3 px-4 py-3 text-left hover:bg-sunk" onClick={() => setShown(one)}>
                <span className="font-mono text-[13px] font-medium">{one.prompt_id}</span>
                <LabelBadge label={one.label} />
                <span className="text-soft">
                  {one.from_version ? `version ${one.from_version} → ${one.to_version}` : `version ${one.to_version}`}
                </span>
                <span className="min-w-0 flex-1 truncate text-soft">{one.message}</span>
                <Badge tone={TONES[one.status]}>{one.status}</Badge>
                <span className="text-xs text-soft">{ago(one.created_at)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {shown && <Detail project={project} request={shown} onClose={() => setShown(null)} />}
    </Page>
  );
}

function Detail({ project, request, onClose }: { project: string; request: LabelRequest; onClose: () => void }) {
  const [text, setText] = useState("");
  const queries = useQueryClient();
  const me = useQuery(meQuery);
  const { manage } = useMay(project);
  const isOwn = me.data?.user.id === request.requested_by;
  const detail = useQuery(requestQuery(project, request.id));
  const after = useQuery(versionQuery(project, request.prompt_id, request.to_version));
  const before = useQuery({ ...versionQuery(project, request.prompt_id, request.from_version ?? 0), enabled: request.from_version !== null });
  const judge = useMutation({
    mutationFn: (verdict: "approve" | "reject" | "withdraw") => decide(project, request.id, verdict),
    onSuccess: (decided) => {
      void queries.invalidateQueries({ queryKey: ["p", project] });
      toast.good(decided.status === "approved" ? `${request.label} is version ${request.to_version} now.` : `The request is ${decided.status}.`);
      onClose();
    },
  });
  const say = useMutation({
    mutationFn: () => comment(project, request.id, text),
    onSuccess: () => {
      setText("");
      void detail.refetch();
    },
  });
  return (
    <Dialog
      wide
      open
      onOpenChange={onClose}
      title={`${request.label} of ${request.prompt_id} to version ${request.to_version}`}
      description={request.message}
      footer={
        request.status === "open" && (
          <>
            {isOwn && (
              <Button look="ghost" onClick={() => judge.mutate("withdraw")}>
                Withdraw
              </Button>
            )}
            {manage && !isOwn && (
              <>
                <Button look="danger" onClick={() => judge.mutate("reject")}>
                  Reject
                </Button>
                <Button look="main" busy={judge.isPending} onClick={() => judge.mutate("approve")}>
                  Approve and release
                </Button>
              </>
            )}
          </>
        )
      }
    >
      <div className="flex flex-col gap-4">
        {request.status === "open" && isOwn && <Notice>You asked for this. Another admin approves or rejects it.</Notice>}
        {request.status === "open" && !isOwn && !manage && <Notice>An admin approves or rejects it.</Notice>}
        {judge.error && <Failure error={judge.error} />}
        {after.data && (request.from_version === null || before.data) ? (
          <PromptDiff before={before.data ? draftOf(before.data) : { id: "", description: "", inputs: {}, metadata: {} }} after={draftOf(after.data)} />
        ) : (
          <Skeletons rows={1} className="h-32" />
        )}
        <section className="flex flex-col gap-2">
          <h3 className="font-medium">Comments</h3>
          {detail.data?.comments.map((one) => (
            <p key={one.id} className="rounded-lg bg-sunk px-3 py-2">
              {one.text} <span className="text-xs text-soft">{ago(one.created_at)}</span>
            </p>
          ))}
          <form
            className="flex items-end gap-2"
            onSubmit={(event) => {
              event.preventDefault();
              if (text.trim()) say.mutate();
            }}
          >
            <Field label="Add one" className="flex-1">
              {(ids) => <Input {...ids} value={text} onChange={(event) => setText(event.target.value)} />}
            </Field>
            <Button type="submit" busy={say.isPending}>
              Comment
            </Button>
          </form>
        </section>
      </div>
    </Dialog>
  );
}
