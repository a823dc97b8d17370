"""Every operation of botocore's model has an entry, or is listed here as not built."""

from typing import Final

from drsim.simulator.drs_api.operations import OPERATIONS
from tests.simulator.moto_drs.answers import MODEL

NOT_BUILT: Final = frozenset(
    {
        "AssociateSourceNetworkStack",
        "CancelRecoveryPlanExecution",
        "CreateExtendedSourceServer",
        "CreateLaunchConfigurationTemplate",
        "CreateRecoveryPlan",
        "CreateRecoveryPlanStep",
        "CreateReplicationConfigurationTemplate",
        "CreateSourceNetwork",
        "DeleteLaunchAction",
        "DeleteLaunchConfigurationTemplate",
        "DeleteRecoveryInstance",
        "DeleteRecoveryPlan",
        "DeleteRecoveryPlanExecution",
        "DeleteRecoveryPlanStep",
        "DeleteReplicationConfigurationTemplate",
        "DeleteSourceNetwork",
        "DeleteSourceServer",
        "DescribeLaunchConfigurationTemplates",
        "DescribeRecoverySnapshots",
        "DescribeReplicationConfigurationTemplates",
        "DescribeSourceNetworks",
        "DisconnectRecoveryInstance",
        "DisconnectSourceServer",
        "ExportSourceNetworkCfnTemplate",
        "GetFailbackReplicationConfiguration",
        "GetLaunchConfiguration",
        "GetRecoveryPlan",
        "GetRecoveryPlanExecution",
        "GetRecoveryPlanExecutionStep",
        "GetRecoveryPlanStep",
        "GetReplicationConfiguration",
        "InitializeService",
        "ListExtensibleSourceServers",
        "ListLaunchActions",
        "ListRecoveryPlanExecutionSteps",
        "ListRecoveryPlanExecutions",
        "ListRecoveryPlanSteps",
        "ListRecoveryPlans",
        "ListStagingAccounts",
        "PutLaunchAction",
        "ReorderRecoveryPlanSteps",
        "RetryDataReplication",
        "RetryRecoveryPlanExecutionStep",
        "ReverseReplication",
        "StartFailbackLaunch",
        "StartRecoveryPlanExecution",
        "StartReplication",
        "StartSourceNetworkRecovery",
        "StartSourceNetworkReplication",
        "StopFailback",
        "StopReplication",
        "StopSourceNetworkReplication",
        "UpdateFailbackReplicationConfiguration",
        "UpdateLaunchConfiguration",
        "UpdateLaunchConfigurationTemplate",
        "UpdateRecoveryPlan",
        "UpdateRecoveryPlanExecutionStep",
        "UpdateRecoveryPlanStep",
        "UpdateReplicationConfiguration",
        "UpdateReplicationConfigurationTemplate",
    }
)


def test_each_operation_of_the_model_is_answered_or_listed_as_not_built() -> None:
    # A newer botocore with one more operation fails here.
    assert set(MODEL.operation_names) - OPERATIONS.keys() == NOT_BUILT


def test_no_operation_is_answered_that_the_model_lacks() -> None:
    assert OPERATIONS.keys() - set(MODEL.operation_names) == set()


def test_what_is_assumed_and_its_source_are_whole_sentences() -> None:
    for name, entry in OPERATIONS.items():
        for text in (entry.assumed, entry.source):
            assert text == text.strip(), name
            assert text == "" or text.endswith((".", ")")), f"{name}: {text}"
