"""A well-formed request of each operation, and the errors that the model gives it."""

from typing import Any

from tests.simulator.moto_drs.answers import MODEL
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST

JOB = "drsjob-00000000000000000"
SERVER = "s-00000000000000000"
INSTANCE = "i-00000000000000000"
RECOVERED, NETWORK = {"recoveryInstanceID": INSTANCE}, {"sourceNetworkID": "sn-00000000000000000"}
VPC = {"vpcID": "vpc-00000000", "originAccountID": ACCOUNT, "originRegion": EAST}
ARN = f"arn:aws:drs:{EAST}:{ACCOUNT}:job/{JOB}"
LAUNCH_TEMPLATE = {"launchConfigurationTemplateID": "lct-00000000000000000"}
ACTION: dict[str, Any] = {
    "actionId": "00000000-0000-4000-a000-000000000000",
    "actionCode": "AWSMigration-VerifyMountedVolumes",
    "order": 401,
    "optional": True,
    "active": True,
    "name": "Volume integrity",
    "actionVersion": "$DEFAULT",
    "category": "VALIDATION",
    "description": "Volumes are mounted",
}

PLAN = {"recoveryPlanArn": f"arn:aws:drs:{EAST}:{ACCOUNT}:recovery-plan/plan"}
STEP = {"recoveryPlanStepArn": f"arn:aws:drs:{EAST}:{ACCOUNT}:recovery-plan/plan/step/one"}
EXECUTION = {"recoveryPlanExecutionArn": f"arn:aws:drs:{EAST}:{ACCOUNT}:recovery-plan-execution/run"}
EXECUTION_STEP = {"recoveryPlanExecutionStepArn": f"arn:aws:drs:{EAST}:{ACCOUNT}:recovery-plan-execution/run/step/one"}
WAIT = {"waitStepConfiguration": {"waitDurationMinutes": 1}}

TEMPLATE_ID = "rct-00000000000000000"
TEMPLATE: dict[str, Any] = {
    "stagingAreaSubnetId": "subnet-00000000",
    "replicationServersSecurityGroupsIDs": ["sg-00000000"],
    "ebsEncryption": "DEFAULT",
    "bandwidthThrottling": 0,
    "stagingAreaTags": {},
    "pitPolicy": [
        {"units": "MINUTE", "interval": 10, "retentionDuration": 60},
        {"units": "HOUR", "interval": 1, "retentionDuration": 24},
        {"units": "DAY", "interval": 1, "retentionDuration": 3},
    ],
}
"""All required members of CreateReplicationConfigurationTemplate."""

REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "StartRecovery": ("start_recovery", {"sourceServers": [{"sourceServerID": SERVER}]}),
    "DescribeJobs": ("describe_jobs", {}),
    "DescribeJobLogItems": ("describe_job_log_items", {"jobID": JOB}),
    "DescribeSourceServers": ("describe_source_servers", {}),
    "DescribeRecoveryInstances": ("describe_recovery_instances", {}),
    "TerminateRecoveryInstances": ("terminate_recovery_instances", {"recoveryInstanceIDs": [INSTANCE]}),
    "DeleteJob": ("delete_job", {"jobID": JOB}),
    "GetLaunchConfiguration": ("get_launch_configuration", {"sourceServerID": SERVER}),
    "UpdateLaunchConfiguration": ("update_launch_configuration", {"sourceServerID": SERVER}),
    "CreateLaunchConfigurationTemplate": ("create_launch_configuration_template", {}),
    "UpdateLaunchConfigurationTemplate": ("update_launch_configuration_template", LAUNCH_TEMPLATE),
    "DescribeLaunchConfigurationTemplates": ("describe_launch_configuration_templates", {}),
    "DeleteLaunchConfigurationTemplate": ("delete_launch_configuration_template", LAUNCH_TEMPLATE),
    "PutLaunchAction": ("put_launch_action", {"resourceId": SERVER, **ACTION}),
    "ListLaunchActions": ("list_launch_actions", {"resourceId": SERVER}),
    "DeleteLaunchAction": ("delete_launch_action", {"resourceId": SERVER, "actionId": ACTION["actionId"]}),
    "DescribeRecoverySnapshots": ("describe_recovery_snapshots", {"sourceServerID": SERVER}),
    "TagResource": ("tag_resource", {"resourceArn": ARN, "tags": {}}),
    "UntagResource": ("untag_resource", {"resourceArn": ARN, "tagKeys": ["a"]}),
    "ListTagsForResource": ("list_tags_for_resource", {"resourceArn": ARN}),
    "StartReplication": ("start_replication", {"sourceServerID": SERVER}),
    "StopReplication": ("stop_replication", {"sourceServerID": SERVER}),
    "RetryDataReplication": ("retry_data_replication", {"sourceServerID": SERVER}),
    "DisconnectSourceServer": ("disconnect_source_server", {"sourceServerID": SERVER}),
    "DeleteSourceServer": ("delete_source_server", {"sourceServerID": SERVER}),
    "GetReplicationConfiguration": ("get_replication_configuration", {"sourceServerID": SERVER}),
    "UpdateReplicationConfiguration": ("update_replication_configuration", {"sourceServerID": SERVER}),
    "CreateReplicationConfigurationTemplate": ("create_replication_configuration_template", TEMPLATE),
    "UpdateReplicationConfigurationTemplate": (
        "update_replication_configuration_template",
        {"replicationConfigurationTemplateID": TEMPLATE_ID},
    ),
    "DescribeReplicationConfigurationTemplates": ("describe_replication_configuration_templates", {}),
    "DeleteReplicationConfigurationTemplate": (
        "delete_replication_configuration_template",
        {"replicationConfigurationTemplateID": TEMPLATE_ID},
    ),
    "InitializeService": ("initialize_service", {}),
    "ListStagingAccounts": ("list_staging_accounts", {}),
    "ListExtensibleSourceServers": ("list_extensible_source_servers", {"stagingAccountID": "999988887777"}),
    "CreateExtendedSourceServer": (
        "create_extended_source_server",
        {"sourceServerArn": f"arn:aws:drs:{EAST}:999988887777:source-server/{SERVER}"},
    ),
    "DisconnectRecoveryInstance": ("disconnect_recovery_instance", RECOVERED),
    "DeleteRecoveryInstance": ("delete_recovery_instance", RECOVERED),
    "ReverseReplication": ("reverse_replication", RECOVERED),
    "StartFailbackLaunch": ("start_failback_launch", {"recoveryInstanceIDs": [INSTANCE]}),
    "StopFailback": ("stop_failback", RECOVERED),
    "GetFailbackReplicationConfiguration": ("get_failback_replication_configuration", RECOVERED),
    "UpdateFailbackReplicationConfiguration": ("update_failback_replication_configuration", RECOVERED),
    "CreateSourceNetwork": ("create_source_network", VPC),
    "DescribeSourceNetworks": ("describe_source_networks", {}),
    "DeleteSourceNetwork": ("delete_source_network", NETWORK),
    "StartSourceNetworkReplication": ("start_source_network_replication", NETWORK),
    "StopSourceNetworkReplication": ("stop_source_network_replication", NETWORK),
    "ExportSourceNetworkCfnTemplate": ("export_source_network_cfn_template", NETWORK),
    "StartSourceNetworkRecovery": ("start_source_network_recovery", {"sourceNetworks": [NETWORK]}),
    "AssociateSourceNetworkStack": ("associate_source_network_stack", {**NETWORK, "cfnStackName": "stack"}),
    "CreateRecoveryPlan": ("create_recovery_plan", {"name": "plan"}),
    "GetRecoveryPlan": ("get_recovery_plan", PLAN),
    "ListRecoveryPlans": ("list_recovery_plans", {}),
    "UpdateRecoveryPlan": ("update_recovery_plan", {**PLAN, "name": "other"}),
    "DeleteRecoveryPlan": ("delete_recovery_plan", PLAN),
    "CreateRecoveryPlanStep": ("create_recovery_plan_step", {**PLAN, "stepName": "one", "configuration": WAIT}),
    "GetRecoveryPlanStep": ("get_recovery_plan_step", STEP),
    "ListRecoveryPlanSteps": ("list_recovery_plan_steps", PLAN),
    "UpdateRecoveryPlanStep": ("update_recovery_plan_step", {**STEP, "stepName": "other"}),
    "DeleteRecoveryPlanStep": ("delete_recovery_plan_step", STEP),
    "ReorderRecoveryPlanSteps": (
        "reorder_recovery_plan_steps",
        {**PLAN, "orderedStepArns": [STEP["recoveryPlanStepArn"]]},
    ),
    "StartRecoveryPlanExecution": ("start_recovery_plan_execution", {**PLAN, "mode": "DRILL"}),
    "GetRecoveryPlanExecution": ("get_recovery_plan_execution", EXECUTION),
    "ListRecoveryPlanExecutions": ("list_recovery_plan_executions", {}),
    "CancelRecoveryPlanExecution": ("cancel_recovery_plan_execution", EXECUTION),
    "DeleteRecoveryPlanExecution": ("delete_recovery_plan_execution", EXECUTION),
    "GetRecoveryPlanExecutionStep": ("get_recovery_plan_execution_step", EXECUTION_STEP),
    "ListRecoveryPlanExecutionSteps": ("list_recovery_plan_execution_steps", EXECUTION),
    "UpdateRecoveryPlanExecutionStep": (
        "update_recovery_plan_execution_step",
        {**EXECUTION_STEP, "status": "SKIPPED"},
    ),
    "RetryRecoveryPlanExecutionStep": ("retry_recovery_plan_execution_step", EXECUTION_STEP),
}
"""A well-formed request of each operation."""

MODELLED: list[tuple[str, str]] = [
    (name, error.name) for name in REQUESTS for error in MODEL.operation_model(name).error_shapes
]
