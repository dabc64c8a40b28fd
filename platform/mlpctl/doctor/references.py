"""Checks of what the stack file refers to by name and does not create."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mlpctl.doctor.account import tagged
from mlpctl.doctor.asking import Answers, NotAnsweredError, Question
from mlpctl.doctor.finding import Check, Finding, Found, Level, Wanted
from mlpctl.tags import pairs
from mlplatform.component import NAME_TAG


@dataclass(frozen=True)
class Reference:
    """A resource that the stack file names and does not create."""

    field: str
    what: str
    """What it is, e.g. `role platform-admin`."""

    question: Question
    fix: str
    level: Level = Level.BLOCKS
    """How serious it is if it does not exist."""


def existence(references: Iterable[Reference], answers: Answers) -> Iterator[Found]:
    """Whether each of them exists."""
    for each in references:
        try:
            there = answers.exists(each.question)
        except NotAnsweredError as error:
            yield error.about(each.field)
            continue
        if there:
            yield Finding(Level.PASSES, f"The {each.what} exists", each.question, each.field)
        else:
            yield Finding(each.level, f"The account has no {each.what}", each.question, each.field, each.fix)


def asked(references: Iterable[Reference]) -> list[Question]:
    """The questions whether each of them exists."""
    return [each.question for each in references]


def _secret(name: str) -> Question:
    return Question("secretsmanager", "DescribeSecret", {"SecretId": name})


def _secrets(wanted: Wanted, answers: Answers) -> list[Reference]:
    platform = wanted.platform
    fix = "Create it (`aws secretsmanager create-secret --name NAME`), or correct the name."
    fields = {
        **{
            f"images.pullThrough.{name}.credentials": cache.credentials
            for name, cache in platform.images.pull_through.items()
            if cache.credentials
        },
        **{
            f"inference.{model}.secretEnv.{variable}.secret": reference.secret
            for model, spec in platform.inference.items()
            for variable, reference in spec.secret_env.items()
            if reference.secret
        },
        **{
            f"workloads.{name}.secrets[{index}]": secret
            for name, workload in platform.workloads.items()
            for index, secret in enumerate(workload.secrets)
        },
    }
    return [Reference(field, f"secret {name}", _secret(name), fix) for field, name in fields.items()]


def _deleted_secrets(wanted: Wanted, answers: Answers) -> Iterator[Found]:
    references = _secrets(wanted, answers)
    yield from existence(references, answers)
    for each in references:
        found = answers.get(each.question)
        if found and found.get("DeletedDate"):
            fact = f"The {each.what} is scheduled for deletion"
            yield Finding(
                Level.BLOCKS, fact, each.question, each.field, "Restore it: `aws secretsmanager restore-secret`."
            )


def _queues(wanted: Wanted, answers: Answers) -> list[Reference]:
    fix = "Create the queue, or correct the name."
    return [
        Reference(
            f"workloads.{name}.queues.{queue}",
            f"queue {queue}",
            Question("sqs", "GetQueueUrl", {"QueueName": queue}),
            fix,
            Level.WARNS,
        )
        for name, workload in wanted.platform.workloads.items()
        for queue in workload.queues
    ]


def repository(wanted: Wanted, name: str) -> str:
    """The name in ECR of a repository of the stack."""
    return f"{wanted.tag}/{name}"


def _image_questions(wanted: Wanted, answers: Answers) -> dict[str, tuple[str, Question]]:
    """The image of each model in a repository of the stack, by the field."""
    found = {}
    for model, spec in wanted.platform.inference.items():
        source = spec.image_from
        if source and source.repository:
            image = {"imageDigest": source.digest} if source.digest else {"imageTag": source.tag}
            place = repository(wanted, source.repository)
            question = Question("ecr", "DescribeImages", {"repositoryName": place, "imageIds": [image]}, "imageDetails")
            found[f"inference.{model}.imageFrom"] = (f"{place}{source.version}", question)
    return found


def _images(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    copy = "Copy it there with its digest (`skopeo copy --all --preserve-digests`) before an update creates the model."
    for field, (image, question) in _image_questions(wanted, answers).items():
        if answers.exists(question):
            yield Finding(Level.PASSES, f"The image {image} exists", question, field)
            continue
        refusal = answers.refusal(question)
        no_repository = refusal is not None and "Repository" in refusal.code
        fact = f"The repository of {image} does not exist yet" if no_repository else f"There is no image {image}"
        first = "The first update, without objects in the cluster, creates the repository. " if no_repository else ""
        yield Finding(Level.WARNS, fact, question, field, first + copy)


def _bucket_of(wanted: Wanted, answers: Answers, name: str) -> str:
    """The S3 name of a bucket of the stack; empty if it does not exist yet."""
    for each in answers(tagged(wanted)):
        tags = pairs(each.get("Tags"))
        arn = each["ResourceARN"].split(":", 5)
        if arn[2] == "s3" and tags.get(NAME_TAG) == f"{name}-bucket":
            return str(arn[5])
    return ""


def _weights(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    for model, spec in wanted.platform.inference.items():
        if not spec.model:
            continue
        field, bucket = f"inference.{model}.model", _bucket_of(wanted, answers, spec.model.bucket)
        if not bucket:
            fact = f"The bucket {spec.model.bucket} of the weights does not exist yet"
            fix = f"After the first update without objects in the cluster, copy the weights below {spec.model.key}"
            yield Finding(Level.NOTE, fact, tagged(wanted), field, fix)
            continue
        question = _objects(bucket, spec.model.key)
        place = f"s3://{bucket}/{spec.model.key}"
        if answers(question).get("KeyCount"):
            yield Finding(Level.PASSES, f"There are weights below {place}", question, field)
        else:
            yield Finding(Level.BLOCKS, f"There is nothing below {place}", question, field, "Copy the weights there.")


def _objects(bucket: str, prefix: str) -> Question:
    return Question("s3", "ListObjectsV2", {"Bucket": bucket, "Prefix": prefix, "MaxKeys": 1})


def _asks_weights(wanted: Wanted, answers: Answers) -> Iterator[Question]:
    models = [spec.model for spec in wanted.platform.inference.values() if spec.model]
    if models:
        yield tagged(wanted)
    if answers.get(tagged(wanted)) is not None:
        for model in models:
            if bucket := _bucket_of(wanted, answers, model.bucket):
                yield _objects(bucket, model.key)


CHECKS: Final = (
    Check(
        "references.secrets",
        "secrets of models, workloads and caches",
        _deleted_secrets,
        lambda w, a: asked(_secrets(w, a)),
    ),
    Check(
        "references.queues",
        "queues of workloads",
        lambda w, a: existence(_queues(w, a), a),
        lambda w, a: asked(_queues(w, a)),
    ),
    Check(
        "references.images",
        "images of models in the stack's repositories",
        _images,
        lambda w, a: [question for _, question in _image_questions(w, a).values()],
    ),
    Check("references.weights", "weights of models in the stack's buckets", _weights, _asks_weights),
)
