"""REST of providers' keys."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, status

from prosa.errors import FieldError, InvalidInputError
from prosa.forms import PROVIDER
from prosa.http.auth import SignedIn
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.keys.schemas import ProviderKeyPut, ProviderKeyView
from prosa.keys.service import ProviderKeyService

router = APIRouter(prefix="/provider-keys", tags=["Provider keys"])

Service = Annotated[ProviderKeyService, provided(ProviderKeyService)]
Provider = Annotated[
    str,
    Path(
        description="As model strings name it: google, openai, anthropic, …",
        max_length=40,
        pattern=PROVIDER,
    ),
]


@router.get("", responses=problems(401, 422, 503))
async def list_provider_keys(caller: SignedIn, service: Service) -> list[ProviderKeyView]:
    """List your keys of model providers and the installation's; of each only its last characters."""
    return [ProviderKeyView.of(row) for row in await service.list(caller)]


@router.put("/{provider}", responses=problems(401, 403, 413, 422, 503))
async def put_provider_key(
    provider: Provider, body: ProviderKeyPut, caller: SignedIn, service: Service
) -> ProviderKeyView:
    """Set a key. Your numbers use your own first, then the installation's."""
    key = body.key.get_secret_value()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInputError(
            "This is no key.", fields=[FieldError("body.key", "letters, digits and signs only, without spaces", "key")]
        )
    return ProviderKeyView.of(await service.put(caller, provider, key=key, base_url=body.base_url, scope=body.scope))


@router.delete("/{provider}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(401, 403, 404, 422, 503))
async def delete_provider_key(
    provider: Provider,
    caller: SignedIn,
    service: Service,
    scope: Annotated[Literal["own", "installation"], Query(description="Yours, or the installation's.")] = "own",
) -> None:
    """Remove a key."""
    await service.delete(caller, provider, scope=scope)
