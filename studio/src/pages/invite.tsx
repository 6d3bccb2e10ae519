import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Page } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Empty, Failure } from "@/components/ui/states";
import { paths } from "@/config/paths";
import { body, http } from "@/lib/api/client";
import { useTitle } from "@/lib/hooks";

/** An invitation's link: the token is behind the `#`, which no server and no log sees. */
export function InvitePage() {
  const [token] = useState(() => window.location.hash.slice(1));
  const navigate = useNavigate();
  const queries = useQueryClient();
  useTitle("Invitation");
  const accept = useMutation({
    mutationFn: () => body(http.POST("/api/invitations/accept", { body: { token } })),
    onSuccess: async (workspace) => {
      await queries.invalidateQueries({ queryKey: ["me"] });
      await navigate({ to: paths.workspace(workspace.id), replace: true });
    },
  });
  return (
    <Page title="You are invited">
      {token ? (
        <Empty
          title="Join the workspace"
          action={
            <Button look="main" busy={accept.isPending} onClick={() => accept.mutate()}>
              Accept the invitation
            </Button>
          }
        >
          You will see its projects and prompts, with the role that the invitation gives you.
        </Empty>
      ) : (
        <Empty title="The link is not complete">Copy the whole address out of the invitation, or ask for a new one.</Empty>
      )}
      {accept.error && <Failure error={accept.error} />}
    </Page>
  );
}
