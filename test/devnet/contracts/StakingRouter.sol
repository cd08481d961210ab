// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Every staking module in one: knows itself under any id.
contract StakingRouter {
    struct StakingModule {
        uint24 id;
        address stakingModuleAddress;
        uint16 stakingModuleFee;
        uint16 treasuryFee;
        uint16 stakeShareLimit;
        uint8 status;
        string name;
        uint64 lastDepositAt;
        uint256 lastDepositBlock;
        uint256 exitedValidatorsCount;
        uint16 priorityExitShareThreshold;
        uint64 maxDepositsPerBlock;
        uint64 minDepositBlockDistance;
    }

    function getStakingModule(uint256 id) external view returns (StakingModule memory module) {
        module.id = uint24(id);
        module.stakingModuleAddress = address(this);
        module.name = "devnet";
    }

    /// Seconds that an operator has for an exit.
    function exitDeadlineThreshold(uint256) external pure returns (uint256) {
        return 4 days;
    }
}
