// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// A token that anybody mints.
contract CastMock is ERC20 {
    constructor() ERC20("Castnet", "CAST") {}

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }
}
