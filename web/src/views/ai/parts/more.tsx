import { Button } from "~/ui/button";

interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** Asks for the next page, where there is one. */
export function More({ query, children }: { query: Paged; children: string }) {
  if (!query.hasNextPage) return null;
  return (
    <div className="row ai-more">
      <Button isPending={query.isFetchingNextPage} onPress={() => void query.fetchNextPage()}>
        {children}
      </Button>
    </div>
  );
}
