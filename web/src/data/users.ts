/** People who may sign in. */
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { api, ok } from "~/api/client";
import type { Schemas, User } from "~/api/types";

const PAGE = 100;

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: async ({ signal }): Promise<User[]> => {
    const users: User[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await ok(
        api.GET("/users", { params: { query: { limit: PAGE, ...(cursor ? { cursor } : {}) } }, signal }),
      );
      users.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return users;
  },
});

export const userCalls = {
  create: (body: Schemas["UserIn"]) => ok(api.POST("/users", { body })),
  update: (id: string, body: Schemas["UserPatchIn"]) =>
    ok(api.PATCH("/users/{user_id}", { params: { path: { user_id: id } }, body })),
  remove: (id: string) => ok(api.DELETE("/users/{user_id}", { params: { path: { user_id: id } } })),
  updateMe: (body: Schemas["ProfileIn"]) => ok(api.PATCH("/auth/me", { body })),
};

export function putUser(client: QueryClient, user: User): void {
  client.setQueryData(usersQuery.queryKey, (all) => {
    if (!all) return undefined;
    const known = all.some((one) => one.id === user.id);
    return known ? all.map((one) => (one.id === user.id ? user : one)) : [...all, user];
  });
}

export function dropUser(client: QueryClient, id: string): void {
  client.setQueryData(usersQuery.queryKey, (all) => all?.filter((one) => one.id !== id));
}
