"""What a simulated cloud answers when it refuses."""


class CloudError(Exception):
    """The cloud refused a call, in the words and with the code of the real one."""


class CutOffError(Exception):
    """The provider ended after the cloud had done its work, so nobody learns of it."""


def aws(action: str, code: str, message: str, *, status: int = 400) -> CloudError:
    """Returns an error as pulumi-aws shows it.

    Args:
        action: service and operation, ``EC2: CreateSubnet``.
        code: as in the service's API reference, ``InvalidSubnet.Conflict``.
        message: the service's own sentence.
        status: of the HTTP answer.
    """
    return CloudError(
        f"operation error {action}, https response error StatusCode: {status}, "
        f"api error {code}: {message}"
    )


def gcp(status: int, message: str, reason: str) -> CloudError:
    """Returns an error as pulumi-gcp shows it: ``googleapi: Error 409: …, alreadyExists``."""
    return CloudError(f"googleapi: Error {status}: {message}, {reason}")


def azure(status: int, code: str, message: str) -> CloudError:
    """Returns an error as pulumi-azure-native shows it."""
    return CloudError(f'Status={status} Code="{code}" Message="{message}"')
