# The AWS resources of the stack `local` in Terraform. `python -m benchmarks terraform` compares it with Pulumi, on the
# same local AWS API.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

variable "endpoint" {
  description = "URL of the local AWS API."
  type        = string
}

locals {
  region  = "us-east-1"
  zones   = { "us-east-1a" = 0, "us-east-1b" = 1 }
  cidr    = "10.20.0.0/16"
  buckets = { artifacts = { noncurrent = 7, infrequent = null }, datasets = { noncurrent = 30, infrequent = 30 } }
  pools = {
    system = {
      ami_type = "BOTTLEROCKET_x86_64", capacity = "ON_DEMAND", type = "m7i.large", disk = 50
      min      = 2, nodes = 2, max = 4, taints = [], user_data = null
    }
    inference = {
      ami_type = "BOTTLEROCKET_x86_64_NVIDIA", capacity = "SPOT", type = "g6.2xlarge", disk = 30
      min      = 0, nodes = 1, max = 2, taints = ["nvidia.com/gpu"], user_data = local.local_disks
    }
  }
  local_disks = base64encode(<<-TOML
    [settings.bootstrap-commands.local-disks]
    commands = [
      ["apiclient", "ephemeral-storage", "init"],
      ["apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"],
    ]
    mode = "always"
    essential = true
  TOML
  )
  tags  = { owner = "ml-platform", environment = "dev" }
  trust = { for service in ["ec2", "ecr", "eks", "vpc-flow-logs"] : service => jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "${service}.amazonaws.com" } }]
  }) }
  pods = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow", Action = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
    }]
  })
}

provider "aws" {
  region                      = local.region
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = false

  endpoints {
    autoscaling = var.endpoint
    ec2         = var.endpoint
    ecr         = var.endpoint
    eks         = var.endpoint
    iam         = var.endpoint
    kms         = var.endpoint
    logs        = var.endpoint
    s3          = var.endpoint
    sts         = var.endpoint
  }

  default_tags { tags = local.tags }
}

data "aws_caller_identity" "here" {}

resource "aws_kms_key" "platform" {
  description             = "Everything at rest in the platform"
  enable_key_rotation     = true
  rotation_period_in_days = 365
  deletion_window_in_days = 7
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow", Action = "kms:*", Resource = "*"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.here.account_id}:root" }
      },
      {
        Effect    = "Allow", Action = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        Principal = { Service = "logs.${local.region}.amazonaws.com" }, Resource = "*"
      },
    ]
  })
}

resource "aws_kms_alias" "platform" {
  name_prefix   = "alias/platform-"
  target_key_id = aws_kms_key.platform.key_id
}

resource "aws_vpc" "this" {
  cidr_block           = local.cidr
  enable_dns_hostnames = true
}

resource "aws_default_security_group" "closed" { vpc_id = aws_vpc.this.id }

resource "aws_internet_gateway" "this" { vpc_id = aws_vpc.this.id }

resource "aws_subnet" "private" {
  for_each          = local.zones
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(local.cidr, 2, each.value)
  tags              = { "kubernetes.io/role/internal-elb" = "1" }
}

resource "aws_subnet" "public" {
  for_each          = local.zones
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(local.cidr, 4, 12 + each.value)
  tags              = { "kubernetes.io/role/elb" = "1" }
}

resource "aws_route_table" "public" { vpc_id = aws_vpc.this.id }

resource "aws_route" "public" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each       = local.zones
  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "nat" {
  domain     = "vpc"
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  subnet_id     = aws_subnet.public["us-east-1a"].id
  allocation_id = aws_eip.nat.id
  depends_on    = [aws_route.public]
}

resource "aws_route_table" "private" {
  for_each = local.zones
  vpc_id   = aws_vpc.this.id
}

resource "aws_route" "private" {
  for_each               = local.zones
  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this.id
}

resource "aws_route_table_association" "private" {
  for_each       = local.zones
  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

resource "aws_vpc_endpoint" "gateway" {
  for_each          = toset(["s3", "dynamodb"])
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
}

resource "aws_cloudwatch_log_group" "flow" {
  name_prefix       = "network-flow-logs-"
  retention_in_days = 7
  kms_key_id        = aws_kms_key.platform.arn
}

resource "aws_iam_role" "flow" { assume_role_policy = local.trust["vpc-flow-logs"] }

resource "aws_iam_role_policy" "flow" {
  role = aws_iam_role.flow.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow", Action = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = [aws_cloudwatch_log_group.flow.arn, "${aws_cloudwatch_log_group.flow.arn}:*"]
    }]
  })
}

resource "aws_flow_log" "this" {
  vpc_id          = aws_vpc.this.id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.flow.arn
  iam_role_arn    = aws_iam_role.flow.arn
}

resource "aws_s3_bucket" "data" {
  for_each      = local.buckets
  bucket_prefix = "${each.key}-bucket-"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "data" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.data[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "data" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.data[each.key].id
  rule { object_ownership = "BucketOwnerEnforced" }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.data[each.key].id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.platform.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "data" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.data[each.key].id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  for_each = local.buckets
  bucket   = aws_s3_bucket_versioning.data[each.key].id
  rule {
    id     = "abort-uploads"
    status = "Enabled"
    filter { prefix = "" }
    abort_incomplete_multipart_upload { days_after_initiation = 7 }
  }
  rule {
    id     = "expire-noncurrent"
    status = "Enabled"
    filter { prefix = "" }
    noncurrent_version_expiration { noncurrent_days = each.value.noncurrent }
  }
  dynamic "rule" {
    for_each = each.value.infrequent[*]
    content {
      id     = "infrequent-access"
      status = "Enabled"
      filter { prefix = "" }
      transition {
        days          = rule.value
        storage_class = "STANDARD_IA"
      }
    }
  }
}

resource "aws_s3_bucket_policy" "data" {
  for_each = local.buckets
  bucket   = aws_s3_bucket_public_access_block.data[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls", Effect = "Deny", Principal = "*", Action = "s3:*"
      Resource  = [aws_s3_bucket.data[each.key].arn, "${aws_s3_bucket.data[each.key].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_cloudwatch_log_group" "cluster" {
  name              = "/aws/eks/mlplatform-terraform/cluster"
  retention_in_days = 7
  kms_key_id        = aws_kms_key.platform.arn
}

resource "aws_iam_role" "cluster" { assume_role_policy = local.trust["eks"] }

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_eks_cluster" "this" {
  name                          = "mlplatform-terraform"
  role_arn                      = aws_iam_role.cluster.arn
  version                       = "1.36"
  bootstrap_self_managed_addons = false
  enabled_cluster_log_types     = ["audit", "authenticator"]
  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }
  encryption_config {
    resources = ["secrets"]
    provider { key_arn = aws_kms_key.platform.arn }
  }
  upgrade_policy { support_type = "STANDARD" }
  vpc_config {
    subnet_ids              = [for subnet in aws_subnet.private : subnet.id]
    endpoint_private_access = true
    endpoint_public_access  = false
  }
  depends_on = [aws_iam_role_policy_attachment.cluster, aws_cloudwatch_log_group.cluster]
}

resource "aws_iam_role" "network_plugin" { assume_role_policy = local.pods }

resource "aws_iam_role_policy_attachment" "network_plugin" {
  role       = aws_iam_role.network_plugin.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
}

resource "aws_eks_addon" "network_plugin" {
  cluster_name         = aws_eks_cluster.this.name
  addon_name           = "vpc-cni"
  configuration_values = jsonencode({ enableNetworkPolicy = "true", env = { ENABLE_PREFIX_DELEGATION = "true" } })
  pod_identity_association {
    role_arn        = aws_iam_role.network_plugin.arn
    service_account = "aws-node"
  }
  depends_on = [aws_iam_role_policy_attachment.network_plugin]
}

resource "aws_eks_addon" "before_nodes" {
  for_each     = toset(["eks-pod-identity-agent", "kube-proxy"])
  cluster_name = aws_eks_cluster.this.name
  addon_name   = each.key
}

resource "aws_eks_addon" "after_nodes" {
  for_each     = toset(["coredns", "metrics-server", "eks-node-monitoring-agent"])
  cluster_name = aws_eks_cluster.this.name
  addon_name   = each.key
  depends_on   = [aws_eks_node_group.pool]
}

resource "aws_iam_role" "nodes" {
  for_each           = local.pools
  assume_role_policy = local.trust["ec2"]
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = { for pair in setproduct(keys(local.pools), ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"]) :
  join("-", pair) => { pool = pair[0], policy = pair[1] } }
  role       = aws_iam_role.nodes[each.value.pool].name
  policy_arn = "arn:aws:iam::aws:policy/${each.value.policy}"
}

resource "aws_launch_template" "nodes" {
  for_each               = local.pools
  update_default_version = true
  instance_type          = each.value.type
  user_data              = each.value.user_data
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }
  dynamic "block_device_mappings" {
    for_each = { "/dev/xvda" = null, "/dev/xvdb" = each.value.disk }
    content {
      device_name = block_device_mappings.key
      ebs {
        volume_type           = "gp3"
        volume_size           = block_device_mappings.value
        encrypted             = true
        kms_key_id            = aws_kms_key.platform.arn
        delete_on_termination = true
      }
    }
  }
}

resource "aws_eks_node_group" "pool" {
  for_each        = local.pools
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.nodes[each.key].arn
  subnet_ids      = [for subnet in aws_subnet.private : subnet.id]
  ami_type        = each.value.ami_type
  capacity_type   = each.value.capacity
  version         = aws_eks_cluster.this.version
  labels          = { "mlplatform.io/pool" = each.key }
  launch_template {
    id      = aws_launch_template.nodes[each.key].id
    version = aws_launch_template.nodes[each.key].latest_version
  }
  scaling_config {
    min_size     = each.value.min
    desired_size = each.value.nodes
    max_size     = each.value.max
  }
  update_config {
    max_unavailable = 1
  }
  node_repair_config { enabled = true }
  dynamic "taint" {
    for_each = each.value.taints
    content {
      key    = taint.value
      value  = "true"
      effect = "NO_SCHEDULE"
    }
  }
  depends_on = [
    aws_iam_role_policy_attachment.nodes, aws_eks_addon.network_plugin, aws_eks_addon.before_nodes
  ]
}

resource "aws_autoscaling_group_tag" "owner" {
  for_each = { for pair in setproduct(keys(local.pools), keys(local.tags)) :
  join("-", pair) => { pool = pair[0], key = pair[1] } }
  autoscaling_group_name = aws_eks_node_group.pool[each.value.pool].resources[0].autoscaling_groups[0].name
  tag {
    key                 = each.value.key
    value               = local.tags[each.value.key]
    propagate_at_launch = true
  }
}

resource "aws_iam_role_policy" "fill_caches" {
  for_each = local.pools
  role     = aws_iam_role.nodes[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow", Action = ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
      Resource = "arn:aws:ecr:${local.region}:${data.aws_caller_identity.here.account_id}:repository/quay/*"
    }]
  })
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  security_group_id = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
  description       = "HTTPS to the Kubernetes API"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "192.168.0.0/20"
}

resource "aws_ecr_repository" "serving" {
  name                 = "mlplatform/terraform/serving"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
  image_scanning_configuration { scan_on_push = true }
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.platform.arn
  }
}

resource "aws_ecr_lifecycle_policy" "serving" {
  repository = aws_ecr_repository.serving.name
  policy = jsonencode({ rules = [{
    rulePriority = 1, action = { type = "expire" }
    selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
  }] })
}

resource "aws_iam_role" "cache_maker" { assume_role_policy = local.trust["ecr"] }

resource "aws_iam_role_policy" "cache_maker" {
  role = aws_iam_role.cache_maker.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow", Action = ["ecr:CreateRepository", "ecr:TagResource"]
        Resource = "arn:aws:ecr:${local.region}:${data.aws_caller_identity.here.account_id}:repository/quay/*"
      },
      { Effect = "Allow", Action = ["kms:CreateGrant", "kms:DescribeKey"], Resource = aws_kms_key.platform.arn },
    ]
  })
}

resource "aws_ecr_repository_creation_template" "quay" {
  prefix               = "quay"
  applied_for          = ["PULL_THROUGH_CACHE"]
  image_tag_mutability = "IMMUTABLE"
  custom_role_arn      = aws_iam_role.cache_maker.arn
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.platform.arn
  }
  depends_on = [aws_iam_role_policy.cache_maker]
}

resource "aws_ecr_pull_through_cache_rule" "quay" {
  ecr_repository_prefix = "quay"
  upstream_registry_url = "quay.io"
  depends_on            = [aws_ecr_repository_creation_template.quay]
}

resource "aws_iam_policy" "boundary" {
  name = "mlplatform-terraform-chat-boundary"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow", Action = ["s3:GetObject", "s3:ListBucket", "kms:Decrypt"], Resource = "*"
      Condition = { StringEquals = { "aws:ResourceAccount" = data.aws_caller_identity.here.account_id } }
    }]
  })
}

resource "aws_iam_role" "chat" {
  assume_role_policy   = local.pods
  permissions_boundary = aws_iam_policy.boundary.arn
}

resource "aws_iam_role_policy" "chat" {
  role = aws_iam_role.chat.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:ListBucket", Resource = aws_s3_bucket.data["artifacts"].arn },
      { Effect = "Allow", Action = "s3:GetObject", Resource = "${aws_s3_bucket.data["artifacts"].arn}/*" },
    ]
  })
}

resource "aws_eks_pod_identity_association" "chat" {
  cluster_name    = aws_eks_cluster.this.name
  namespace       = "chat"
  service_account = "chat"
  role_arn        = aws_iam_role.chat.arn
  depends_on      = [aws_iam_role_policy.chat]
}
