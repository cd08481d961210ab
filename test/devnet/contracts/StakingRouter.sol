// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// The staking modules that it is made with, and no others; each of them knows its operators, and no
/// others. One contract stands for the router and for all of its modules.
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

    /// Operators have the ids below it.
    uint256 public immutable getNodeOperatorsCount;
    mapping(uint256 => bool) private isModule;
    /// By operator: 48 bytes for each of its validators.
    mapping(uint256 => bytes) private keysOf;
    uint256[] private moduleIds;

    constructor(uint256[] memory ids, uint256 operators) {
        getNodeOperatorsCount = operators;
        moduleIds = ids;
        for (uint256 i = 0; i < ids.length; ++i) isModule[ids[i]] = true;
    }

    modifier known(uint256 operatorId) {
        require(operatorId < getNodeOperatorsCount, "no such operator");
        _;
    }

    function getStakingModules() external view returns (StakingModule[] memory modules) {
        modules = new StakingModule[](moduleIds.length);
        for (uint256 i = 0; i < moduleIds.length; ++i) modules[i] = getStakingModule(moduleIds[i]);
    }

    function getStakingModule(uint256 id) public view returns (StakingModule memory module) {
        require(isModule[id], "no such module");
        module.id = uint24(id);
        module.stakingModuleAddress = address(this);
        module.name = "devnet";
    }

    function getNodeOperator(uint256 id, bool) external view known(id) returns (bool, string memory) {
        return (true, "An operator of the devnet");
    }

    /// Anyone may; each of them has its deposit.
    function setSigningKeys(uint256 id, bytes calldata keys) external known(id) {
        keysOf[id] = keys;
    }

    function getSigningKeys(
        uint256 id,
        uint256 offset,
        uint256 limit
    ) external view known(id) returns (bytes memory keys) {
        bytes memory all = keysOf[id];
        require((offset + limit) * 48 <= all.length, "not so many keys");
        keys = new bytes(limit * 48);
        for (uint256 i = 0; i < keys.length; ++i) keys[i] = all[offset * 48 + i];
    }

    /// Eight words, as the call wants them: the seventh is how many keys have their deposit.
    function getNodeOperatorSummary(
        uint256 id
    ) external view known(id) returns (uint256[8] memory summary) {
        summary[6] = keysOf[id].length / 48;
    }

    /// Seconds that an operator has for an exit.
    function exitDeadlineThreshold(uint256 id) external view known(id) returns (uint256) {
        return 4 days;
    }
}
