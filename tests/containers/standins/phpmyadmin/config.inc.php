<?php
// The official image's variable PMA_HOST; the visitor logs in.
$cfg['blowfish_secret'] = bin2hex(hash('sha256', (string) gethostname(), true));
$cfg['blowfish_secret'] = substr($cfg['blowfish_secret'], 0, 32);
$cfg['Servers'] = [1 => ['host' => getenv('PMA_HOST'), 'auth_type' => 'cookie']];
