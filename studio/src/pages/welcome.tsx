import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Page } from "@/components/layout/page";
import { Empty, Skeletons } from "@/components/ui/states";
import { meQuery } from "@/features/me/queries";
import { paths } from "@/config/paths";

/** Where somebody lands who has no project yet. */
export function WelcomePage() {
  const me = useQuery(meQuery);
  const workspace = me.data?.workspaces[0];
  return (
    <Page title="Welcome">
      {me.isPending ? (
        <Skeletons rows={3} />
      ) : (
        <Empty title="No project yet">
          {workspace ? (
            <Link to={paths.workspace(workspace.id)} className="text-leaf underline">
              Make one in {workspace.name}
            </Link>
          ) : (
            "Ask an admin of your team for an invitation."
          )}
        </Empty>
      )}
    </Page>
  );
}
