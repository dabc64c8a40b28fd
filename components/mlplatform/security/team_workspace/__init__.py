"""The namespaces, roles and quota of a team."""

from mlplatform.security.team_workspace.component import TeamWorkspace, TeamWorkspaceArgs
from mlplatform.security.team_workspace.spec import TeamWorkspaceSpec

__all__ = ["TeamWorkspace", "TeamWorkspaceArgs", "TeamWorkspaceSpec"]
