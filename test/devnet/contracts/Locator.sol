// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Says where the rest of the protocol is.
contract Locator {
    address public immutable validatorsExitBusOracle;
    address public immutable stakingRouter;
    address public immutable withdrawalVault;

    constructor(address exitBus, address router, address vault) {
        validatorsExitBusOracle = exitBus;
        stakingRouter = router;
        withdrawalVault = vault;
    }
}
