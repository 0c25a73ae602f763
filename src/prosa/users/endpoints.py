"""Signing in (`/auth`), people (`/users`) and their API keys (`/api-keys`)."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Request

from prosa.http.auth import PeopleManager, SignedIn
from prosa.http.pagination import Page, PageParams
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.users.api_key_schemas import ApiKeyIn, ApiKeyOut, ApiKeyPatch, NewApiKeyOut
from prosa.users.api_keys import ApiKeyChanges, ApiKeyService
from prosa.users.emails import fold_email
from prosa.users.models import User
from prosa.users.schemas import (
    AuthStateOut,
    LoginIn,
    LogoutIn,
    ProfileIn,
    RefreshIn,
    RegisterIn,
    TokensOut,
    UserIn,
    UserOut,
    UserPatchIn,
)
from prosa.users.service import UserChanges, UserService
from prosa.users.sign_in import SignIn, SignInService

auth_router = APIRouter(prefix="/auth", tags=["Sign-in"])
users_router = APIRouter(prefix="/users", tags=["People"])
keys_router = APIRouter(prefix="/api-keys", tags=["API keys"])

SignIns = Annotated[SignInService, provided(SignInService)]
Users = Annotated[UserService, provided(UserService)]
ApiKeys = Annotated[ApiKeyService, provided(ApiKeyService)]
UserId = Annotated[uuid.UUID, Path(description="The person's id.")]
KeyId = Annotated[uuid.UUID, Path(description="The key's id.")]


@auth_router.get("/state")
async def get_auth_state(service: SignIns) -> AuthStateOut:
    """Say whether somebody has registered yet; needs no sign-in."""
    return AuthStateOut(owner_exists=await service.owner_exists())


@auth_router.post("/register", status_code=201, responses=problems(409, 413, 422))
async def register(body: RegisterIn, service: SignIns) -> TokensOut:
    """Make the first person, who becomes the owner, and sign them in. Closed once there is an owner."""
    return _tokens(await service.register(email=body.email, password=body.password, name=body.name))


@auth_router.post("/login", responses=problems(401, 413, 422, 429))
async def login(body: LoginIn, request: Request, service: SignIns) -> TokensOut:
    """Sign in. Wrong tries are slowed down; the waiting time is in Retry-After."""
    address = request.client.host if request.client is not None else None
    return _tokens(await service.login(email=fold_email(body.email), password=body.password, address=address))


@auth_router.post("/refresh", responses=problems(401, 413, 422))
async def refresh(body: RefreshIn, service: SignIns) -> TokensOut:
    """Get a new access token, and a new refresh token in place of the old one.

    If the answer is lost, ask again within 10 seconds: it is the same. Showing an old refresh token later ends the
    sign-in, since somebody else may have it.
    """
    return _tokens(await service.refresh(body.refresh_token))


@auth_router.post("/logout", status_code=204, responses=problems(401, 413, 422))
async def logout(caller: SignedIn, service: SignIns, body: LogoutIn | None = None) -> None:
    """Sign out here, or everywhere. The tokens stop working at once."""
    await service.logout(caller, everywhere=body is not None and body.everywhere)


@auth_router.get("/me", responses=problems(401))
async def get_me(caller: SignedIn, service: SignIns) -> UserOut:
    """Return who is signed in."""
    return _user(await service.me(caller))


@auth_router.patch("/me", responses=problems(401, 409, 413, 422, 429))
async def update_me(body: ProfileIn, caller: SignedIn, service: SignIns) -> UserOut:
    """Change your own name or password. A new password ends your other sign-ins."""
    user = await service.me(caller)
    if body.new_password is not None and body.current_password is not None:
        user = await service.change_password(caller, current=body.current_password, new=body.new_password)
    if "name" in body.model_fields_set:
        user = await service.rename(caller, body.name)
    return _user(user)


@users_router.get("", responses=problems(401, 403, 422))
async def list_users(caller: PeopleManager, service: Users, page: PageParams) -> Page[UserOut]:
    """List the people of this installation, in the order they were added; for owners and admins."""
    return page.page_by_id(await service.page(caller, limit=page.limit + 1, after=page.after_id()), _user)


@users_router.post("", status_code=201, responses=problems(401, 403, 409, 413, 422))
async def create_user(body: UserIn, caller: PeopleManager, service: Users) -> UserOut:
    """Add a person. Owners add anybody, admins add agents."""
    return _user(await service.create(caller, email=body.email, password=body.password, name=body.name, role=body.role))


@users_router.get("/{user_id}", responses=problems(401, 404, 422))
async def get_user(user_id: UserId, caller: SignedIn, service: Users) -> UserOut:
    """Return one person; agents see only themselves."""
    return _user(await service.get(caller, user_id))


@users_router.patch("/{user_id}", responses=problems(401, 403, 404, 409, 413, 422))
async def update_user(user_id: UserId, body: UserPatchIn, caller: PeopleManager, service: Users) -> UserOut:
    """Change a person. Owners change anybody, admins change agents; there is always an owner left."""
    changes = UserChanges(
        email=body.email,
        password=body.password,
        role=body.role,
        rename="name" in body.model_fields_set,
        name=body.name,
    )
    return _user(await service.update(caller, user_id, changes))


@users_router.delete("/{user_id}", status_code=204, responses=problems(401, 403, 404, 409, 422, 503))
async def delete_user(user_id: UserId, caller: PeopleManager, service: Users) -> None:
    """Delete a person, with their numbers and conversations. The last owner stays.

    Their numbers are unlinked at WhatsApp first. One that stays offline is unlinked here only: remove the device on the
    phone too, under Linked devices. Where a number cannot be unlinked now, nothing is deleted.
    """
    await service.delete(caller, user_id)


@keys_router.get("", responses=problems(401, 422))
async def list_api_keys(caller: SignedIn, service: ApiKeys, page: PageParams) -> Page[ApiKeyOut]:
    """List your API keys, the newest first, also those that have run out; of each only how it begins."""
    rows = await service.page(caller, limit=page.limit + 1, after=page.after_id())
    return page.page_by_id(rows, ApiKeyOut.of_row)


@keys_router.post("", status_code=201, responses=problems(401, 409, 413, 422))
async def create_api_key(body: ApiKeyIn, caller: SignedIn, service: ApiKeys) -> NewApiKeyOut:
    """Make an API key, with which a program calls as you. The answer has the key, this once.

    It lasts until it runs out, is revoked, or you are deleted; a new password and signing out do not end it. With
    `session_ids` it is for these numbers only, such as a key for each business that you serve; where they are deleted,
    it is good for nothing more.
    """
    made = await service.create(
        caller, name=body.name, access=body.access, days=body.expires_in_days, session_ids=body.session_ids
    )
    return NewApiKeyOut.of(made)


@keys_router.patch("/{key_id}", responses=problems(401, 404, 413, 422))
async def update_api_key(key_id: KeyId, body: ApiKeyPatch, caller: SignedIn, service: ApiKeys) -> ApiKeyOut:
    """Change an API key: its name, or the numbers that it is limited to. What is left out stays.

    Other numbers hold from the next request on, and at once for WebSockets that are open with it. Webhooks that were
    added with it stay as they are.
    """
    changes = ApiKeyChanges(body.name, renumber="session_ids" in body.model_fields_set, session_ids=body.session_ids)
    return ApiKeyOut.of_row(await service.update(caller, key_id, changes))


@keys_router.delete("/{key_id}", status_code=204, responses=problems(401, 404, 422))
async def revoke_api_key(key_id: KeyId, caller: SignedIn, service: ApiKeys) -> None:
    """Revoke an API key: requests with it are refused from now on, and its WebSockets are closed, within 30 s at most.

    Webhooks that have their address from it stay: `api_key` in GET /webhooks says which; delete what you do not know.
    """
    await service.revoke(caller, key_id)


router = APIRouter()
router.include_router(auth_router)
router.include_router(users_router)
router.include_router(keys_router)


def _tokens(sign_in: SignIn) -> TokensOut:
    return TokensOut(
        access_token=sign_in.access_token,
        token_type="Bearer",  # noqa: S106 - the name of the scheme
        expires_in=int(sign_in.access_lifetime.total_seconds()),
        refresh_token=sign_in.refresh_token,
        refresh_expires_in=int(sign_in.refresh_lifetime.total_seconds()),
        user=_user(sign_in.user),
    )


def _user(user: User) -> UserOut:
    return UserOut.model_validate(user)
