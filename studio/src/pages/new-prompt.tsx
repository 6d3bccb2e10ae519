import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { Page } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Failure } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { PromptEditor } from "@/features/editor/prompt-editor";
import { useWork } from "@/features/editor/draft";
import { createPrompt, type PromptDraft } from "@/features/prompts/queries";
import { paths } from "@/config/paths";
import { useShortcut, useTitle } from "@/lib/hooks";

const EMPTY: PromptDraft = { id: "", description: "", template: "", inputs: {}, metadata: {}, folder: "" };
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export function NewPromptPage() {
  const { project = "" } = useParams({ strict: false });
  const { work, change, startFrom } = useWork(project, "(new)", { base: EMPTY, baseVersion: 0, etag: undefined });
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const navigate = useNavigate();
  useTitle("New prompt");
  const { draft } = work;
  const wrong = !draft.id ? "A prompt needs a name." : !ID.test(draft.id) ? "Letters, digits, dots, - and _; no spaces." : null;
  const create = useMutation({
    mutationFn: () => createPrompt(project, { ...draft, message: null }),
    onSuccess: async (made) => {
      startFrom({ ...work, draft: EMPTY });
      void queries.invalidateQueries({ queryKey: ["p", project, "prompts"] });
      toast.good(`${made.id} is saved as version 1.`);
      await navigate({ to: paths.prompt(project, made.id) });
    },
  });
  const save = () => {
    setTried(true);
    if (!wrong) create.mutate();
  };
  useShortcut("mod+s", save);
  return (
    <Page
      full
      title="New prompt"
      actions={
        <Button look="main" busy={create.isPending} onClick={save}>
          Save
        </Button>
      }
    >
      <div className="grid gap-4 sm:grid-cols-2 xl:max-w-3xl">
        <Field label="Name" hint="What programs fetch it by, like welcome-mail." error={tried && wrong}>
          {(ids) => <Input {...ids} autoFocus className="font-mono" value={draft.id} onChange={(event) => change({ id: event.target.value })} />}
        </Field>
        <Field label="Folder" hint="Optional, like mails/onboarding.">
          {(ids) => <Input {...ids} value={draft.folder ?? ""} onChange={(event) => change({ folder: event.target.value })} />}
        </Field>
      </div>
      {create.error && <Failure error={create.error} />}
      <PromptEditor project={project} draft={draft} change={change} />
    </Page>
  );
}
