"""The platform's Pulumi program: it creates the components that the stack's config describes."""

import datetime

from layers import compute, foundation, guardrails, outputs, registries, security, serving, storage, teams
from layers.site import Site
from mlpctl import config
from mlplatform.compute.eks_cluster.access import a_new_cluster_has_standard_support, creator_has_no_entry

platform = config.load()
site = Site.of(platform)
a_new_cluster_has_standard_support("cluster", platform.cluster, datetime.date.today())
creator_has_no_entry("cluster", platform.cluster)

base = foundation.create(site, platform)
images = registries.create(site, platform, base)
cluster = compute.create(site, platform, base, images)
guards = guardrails.create(site, platform, base, images, cluster)
data = storage.create(site, platform, base, cluster, guards)
roles = security.create(site, platform, base, data, images, cluster)
teams.create(site, platform, base, data, images, cluster)
models = serving.create(site, platform, base, data, images, cluster, roles, guards)

outputs.export(site, base, data, images, cluster, models)
