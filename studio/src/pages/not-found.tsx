import { Link } from "@tanstack/react-router";
import { Page } from "@/components/layout/page";

export const NotFound = () => (
  <Page title="There is nothing at this address">
    <p className="text-soft">
      It may have been moved or deleted. <Link to="/" className="text-leaf underline">To the prompts</Link>
    </p>
  </Page>
);
