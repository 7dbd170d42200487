"""Programs with subcommands, of which some only ask: data (see `query`). From their manuals.

A query to the service that a program is configured for counts as reading; what connects to a host that the words name, shows a secret, or
runs what the workspace's own files say, is left out on purpose (`cargo metadata` runs the `rustc` of `.cargo/config.toml`, `terraform plan`
the providers below `.terraform`, `brew info` evaluates a formula that is a file).
"""

# lists of words are data, and read best as text
from __future__ import annotations

from typing import Final, NamedTuple


class Query(NamedTuple):
    """One program: options it takes anywhere (see `spec`), subcommands that only ask, one a comma, and how its options are written.

    A subcommand that ends in `=` takes no operand; in `<role` its operands have that role.  style: "" as getopt_long, "dash" for long options
    with one dash, "open" when every long option is a parameter of the query.  refused: what no operand or option value may hold.  unless: names
    of files; where one stands in the folder or above it, subcommands that begin with `^` do what that file says, and nothing is known.
    """

    options: str
    subcommands: str
    style: str = ""
    refused: str = r"(?!)"
    unless: str = ""


_KUBE: Final = (
    "-n:text --namespace:text -o:kube --output:kube -l:text --selector:text -A --all-namespaces -w --watch --context:text --cluster:text "
    "--show-labels --no-headers --sort-by:text --field-selector:text -c:text --container:text -f --follow -p --previous --tail:num --since:text "
    "--since-time:text --timestamps --all-containers --prefix --limit-bytes:num --chunk-size:num --ignore-not-found --show-kind -L:text "
    "--label-columns:text --recursive --api-group:text --api-version:text --namespaced[:text] --verbs:text --client --short --minify --flatten "
    "--as:text --request-timeout:text --user:text --show-events[:text] --revision:num --max-log-requests:num --timeout:text --for:text --types:text "
    "--containers --watch-only --output-watch-events --list --quiet -q --all -v:num --warnings-as-errors"
)
_DOCKER: Final = (
    "-a --all -q --quiet -f[:text] --filter:text --format:text --no-trunc -n:num --last:num -l --latest -s --size --digests "
    "--since:text --until:text "
    "--tail:text -t --timestamps --details --follow --no-stream --type:text -v --verbose --orphans --services --profiles --volumes "
    "--images --hash:text "
    "--limit:num --pretty -p:text --project-name:text --context:text --log-level:text -c:text --no-resolve --no-task-ids --raw "
    "--index:num --no-color "
    "--no-log-prefix --dry-run --no-interpolate --variables --environment --human -H --tree"
)
_HELM: Final = (
    "-n:text --namespace:text -A --all-namespaces -o:table --output:table -a --all --deployed --failed --pending --superseded --uninstalled "
    "--uninstalling -d --date -r --reverse -q --short -m:num --max:num --offset:num -f:text --filter:text -l:text --selector:text --revision:num "
    "--version:text --devel --versions --regexp --kube-context:text --show-desc --show-resources --max-col-width:num --time-format:text --no-headers "
    "--client --template:text --debug --strict --quiet --with-subcharts --fail-on-no-result --list-repo-url --set:text "
    "--set-string:text --values:read --include-crds --skip-crds --no-hooks --name-template:text --show-only:text --is-upgrade --skip-tests"
)
_GH: Final = (
    "-R:text --repo:text -L:num --limit:num -s:text --state:text -l:text --label:text -a:text --assignee:text -A:text --author:text -S:text "
    "--search:text -B:text --base:text -H:text --head:text -m:text --milestone:text --json:text -q:text --jq:text -t:text --template:text -c "
    "--comments -d --draft --app:text --mention:text --name-only --patch --color:text --required --watch --interval:num --fail-fast -w:text "
    "--workflow:text -b:text --branch:text -u:text --user:text -e:text --event:text --status:text --created:text --commit:text --log --log-failed "
    "-v --verbose --exit-status -j:text --job:text --attempt:num --yaml -y -r:text --ref:text --raw -f:text --filename:text --files --public "
    "--secret --source --fork --no-archived --archived --visibility:text --topic:text --language:text --owner:text --exclude-drafts "
    "--exclude-pre-releases --all -O:text --order:text --sort:text --key:text --env:text --org:text --exclude:text --closed --format:text "
    "--created:text --updated:text "
    "--merged --closed-at:text --checks:text --review:text --match:text --stars:text --followers:text --number:text --extension:text --size:text"
)
_BREW: Final = (
    "-D -g --include-aliases --unbrewed --force-bottle --HEAD --build-from-source --pull-request --open --closed "
    "-v --verbose -q --quiet -d --debug --formula --formulae --cask --casks -1 -l -r -t --versions --multiple --pinned --full-name --installed "
    "--installed-on-request --installed-as-dependency --poured-from-bottle --built-from-source --json[:text] --all --desc --name "
    "--tree --topological "
    "--direct --union --full --declared --include-build --include-optional --include-test --include-requirements --include-implicit "
    "--skip-recommended "
    "--recursive --missing --eval-all --annotate --graph --dot -n -1 --for-each --greedy --greedy-latest --greedy-auto-updates --analytics "
    "--days:num --category:text -s --search -n --description --hide:text --list-checks --audit-debug --oneline --stat --patch -p "
    "--max-count:num --compact "
    "--command:text --plain --variations --sizes --fetch-manifest --os:text --arch:text --no-quarantine"
)
_APT: Final = (
    "-a -q -v --all-versions --installed --upgradable --manual-installed --names-only -n -f --full --no-all-versions --recurse -i --important"
)
_YUM: Final = (
    "-q -v -y -C --quiet --verbose --cacheonly --installed --available --all --enablerepo:text --disablerepo:text --showduplicates "
    "--nogpgcheck -e:num -d:num"
)
_TERRAFORM: Final = "--no-color --json --check --diff --recursive --list[:text] --write:no --raw --state-out:never --id:text --version --help"

QUERIES: Final[dict[str, Query]] = {
    "aws": Query(
        "--region:text --profile:text --output:text --query:text --color:text --debug --no-paginate --no-cli-pager --no-verify-ssl:never",
        "",
        "open",
        r"(?i)^(file|fileb|https?)://|^@",
    ),
    "az": Query("", "", "open", r"(?i)^@|^file:"),
    "gcloud": Query("", "", "open", r"(?i)^@|^file:"),
    "auth0": Query(
        "--json --json-compact --csv --no-color --no-input --debug --tenant:text -t:text -n:num --number:num -q:text --query:text "
        "-f:text --filter:text -s:text "
        "--sort:text --include-totals",
        "apps list,apps ls,apps show,apis list,apis ls,apis show,apis scopes list,apis scopes ls,rules list,rules ls,rules show,logs "
        "tail,actions diff,event-streams stats,roles perms list,orgs members list,orgs members ls,protection bpd show,protection bfp "
        "show,protection sit show,attack-protection bpd show,actions list,actions ls,"
        "actions show,roles list,roles ls,roles show,roles permissions list,roles permissions ls,users show,users search,users search-by-email,"
        "users roles show,users blocks list,users roles list,organizations list,organizations ls,organizations show,orgs list,orgs ls,orgs show,"
        "organizations members list,organizations roles list,organizations roles members list,domains list,domains ls,domains show,logs list,logs ls,"
        "logs streams list,logs streams ls,logs streams show,email templates show,email provider show,tenants list,tenants "
        "ls,tenant-settings show,ts show,"
        "quickstarts list,quickstarts ls,qs list,event-streams list,event-streams show,event-streams ls,network-acl list,network-acl show,"
        "universal-login show,universal-login templates show,universal-login prompts show,ul show,ul templates show,ul prompts show,"
        "protection brute-force-protection show,protection suspicious-ip-throttling show,protection breached-password-detection show,"
        "protection bot-detection show,ap bfp show,ap sit show,ap bpd show,attack-protection brute-force-protection show,"
        "attack-protection breached-password-detection show,attack-protection suspicious-ip-throttling show,phone provider show,"
        "token-exchange list,token-exchange show,email provider show",
    ),
    "gh": Query(
        _GH,
        "pr list,pr ls,pr view,pr status,pr checks,pr diff,issue list,issue ls,issue view,issue status,repo list,repo ls,repo view,repo "
        "gitignore list,"
        "repo gitignore view,repo license list,repo license view,repo autolink list,repo autolink view,repo deploy-key list,run "
        "list,run ls,run view,run watch,"
        "release list,release ls,release view,release verify,workflow list,workflow ls,workflow view,gist list,gist ls,gist view,label list,label ls,"
        "project list,project ls,project view,project field-list,project item-list,org list,org ls,codespace list,codespace "
        "ls,codespace ports=,"
        "codespace view,cs list,cs ls,cs view,cache list,cache ls,secret list,secret ls,variable list,variable ls,variable get,ssh-key "
        "list,ssh-key ls,"
        "gpg-key list,gpg-key ls,ruleset list,ruleset ls,ruleset view,ruleset check,rs list,rs view,rs check,search repos,search issues,search prs,"
        "search commits,search code,auth status,status,extension list,extension ls,extension search,ext list,ext ls,ext search,alias "
        "list,alias ls,config list,"
        "config ls,config get,help,version,at verify<read,attestation verify<read,attestation trusted-root,agent-task list,agent-task view",
    ),
    "kubectl": Query(
        _KUBE,
        "get,describe,logs,top,explain,version,api-resources,api-versions,cluster-info=,events,config view,config get-contexts,"
        "config current-context,config get-clusters,config get-users,auth can-i,auth whoami,rollout status,rollout "
        "history,wait,options,completion,help,"
        "plugin list",
        "",
        r"(?i)^--raw|^/|://|^-f.|\.ya?ml$|\.json$",
    ),
    "helm": Query(
        _HELM,
        "list,ls,status,history,hist,get notes,get metadata,search repo,search hub,show chart,show values,show "
        "readme,show all,show crds,"
        "inspect chart,inspect values,inspect readme,inspect all,repo list,repo ls,plugin list,plugin ls,version,env,lint<tree,dependency list<tree,"
        "dependency ls<tree,dep list<tree,dep ls<tree,verify<read,template<text,completion,help",
        "",
        r"://",
    ),
    "docker": Query(
        _DOCKER,
        "ps,images,logs,inspect,top,stats,port,diff,history,version,info,events,search,system df,system info,system events,container "
        "ls,container list,"
        "container ps,container logs,container inspect,container top,container stats,container port,container diff,image ls,image list,image history,"
        "image inspect,network ls,network list,network inspect,volume ls,volume list,volume inspect,node ls,node list,node ps,node "
        "inspect,service ls,"
        "service list,service ps,service inspect,service logs,stack ls,stack list,stack ps,stack services,secret ls,secret list,secret "
        "inspect,config ls,"
        "config list,context ls,context list,context show,context inspect,plugin ls,plugin list,plugin inspect,buildx "
        "ls,buildx version,"
        "buildx inspect,buildx du,builder du,compose ls,compose version,checkpoint ls,help",
        "",
        r"://",
    ),
    "brew": Query(
        _BREW,
        "list,ls,info,abv,search,-S,deps,uses,outdated,doctor,dr,config,--config,desc,log,leaves,missing,options,cat,tap-info,tap=,"
        "--prefix,--cellar,--cache,"
        "--repository,--repo,--caskroom,--taps,--env,--version,commands,formulae,casks,help,services list,analytics "
        "state,analytics=,shellenv,livecheck,formula,command,which-formula",
        "",
        r"[/\\]|\.rb$",
    ),
    "apt": Query(_APT, "list,show,search,policy,depends,rdepends,showsrc,help,changelog"),
    "apt-cache": Query(_APT, "search,show,showpkg,policy,depends,rdepends,madison,stats,pkgnames,showsrc,dump,unmet,help"),
    "yum": Query(
        _YUM,
        "list,info,search,repolist,grouplist,groupinfo,provides,whatprovides,deplist,check-update,history=,history list,history info,version,help",
    ),
    "dnf": Query(
        _YUM, "list,info,search,repolist,grouplist,groupinfo,provides,repoquery,deplist,check-update,history=,history list,history info,version,help"
    ),
    "zypper": Query("-n -q --non-interactive", "search,se,info,if,list-updates,lu,repos,lr,packages,pa,patterns,pt,products,pd,patches,help"),
    "snap": Query(
        "--all --color:text --unicode:text --verbose", "list,info,find,changes,tasks,interfaces,connections,services,version,help,warnings"
    ),
    "flatpak": Query("--user --system --columns:text -d --app --runtime -a", "list,info,search,history,remotes,config=,ps,--version"),
    "npm": Query(
        "-g --global --json -l --long --depth:num --all -a --parseable -p --omit:text --include:text --location:text --prod --dev "
        "--link --workspaces -w:text "
        "--workspace:text --unicode --no-unicode --package-lock-only",
        "ls,list,la,ll,root,prefix,bin,config list,config ls,config get,get,pkg "
        "get,query,explain,why,run=,run-script=,help-search,version=,"
        "completion,cache ls,cache list,c list,c ls,c get,"
        # the registry is asked; a package with a slash, colon or ending of an archive may be one of another place
        "^view<package,^info<package,^show<package,^v<package,^search,^find,^s,^dist-tag ls<package,^owner ls<package,^ping=,^stars=,^audit=",
        "",
        r"(?i)auth|token|passw|://",
        ".npmrc",
    ),
    "pip": Query(
        "-v -q -l --local --user -o --outdated -u --uptodate -e --editable --include-editable --exclude-editable --not-required "
        "--format:text --all --pre "
        "--exclude:text --path:list --verbose --quiet -f --files --disable-pip-version-check --no-color --python-version:text --platform:text "
        "-a:text --algorithm:text "
        "--user --global --site --isolated --no-input",
        "list,show,freeze,check,inspect,help,cache list,cache info,cache dir,index versions,hash<read,debug,completion",
    ),
    "uv": Query(
        "-q -v --quiet --verbose --no-color --color:text --format:text --outdated --exclude:text --exclude-editable --editable --strict "
        "--system -f --files "
        "--all-versions --only-installed --only-downloads --all-platforms --all-arches --short --output-format:text --show-paths "
        "--show-version-specifiers "
        "--depth:num --no-progress --offline",
        "python dir,tool dir,cache dir,self version,help",
    ),
    "conda": Query(
        "-n:text --name:text -e --export --json --full-name -c --canonical --no-pip --envs --system -a --all --show-sources --show",
        "list,env list,info,search",
        "",
        r"::|[/\\\[]",
    ),
    "gem": Query(
        "-l --local -a --all -d --details -q --quiet --versions --no-versions -i --installed",
        "list,environment,env,help,contents,dependency,which,stale,sources=",
    ),
    "terraform": Query(
        _TERRAFORM,
        "version,workspace show,fmt?--check<list,help,metadata functions",
        "dash",
    ),
    "tofu": Query(_TERRAFORM, "version,workspace show,fmt?--check<list,help,metadata functions", "dash"),
    "systemctl": Query(
        "-a -l -n:num -o:text -p:text -q -t:text -r --all --full --lines:num --output:text --property:text --quiet --type:text "
        "--state:text --no-pager "
        "--no-legend --failed --reverse --after --before --recursive --user --system --plain --value --with-dependencies --legend[:text]",
        "status,show,list-units,list-unit-files,list-sockets,list-timers,list-jobs,list-dependencies,list-machines,is-active,is-enabled,is-failed,"
        "is-system-running,cat,get-default,help,--failed,--version",
    ),
    "loginctl": Query(
        "-a -l -n:num -p:text --all --full --no-pager --no-legend --property:text",
        "list-sessions,list-users,list-seats,session-status,user-status,show-session,show-user",
    ),
    "timedatectl": Query("--all --no-pager -p:text --property:text", "status,show,list-timezones,timesync-status,show-timesync"),
    "hostnamectl": Query("--static --transient --pretty --no-pager --json:text", "status"),
    "localectl": Query("--no-pager", "status,list-locales,list-keymaps"),
    "networkctl": Query("-a --all --no-pager --no-legend", "list,status,lldp"),
    "resolvectl": Query("--no-pager --legend[:text]", "status,statistics,dns=,domain="),
    "launchctl": Query(
        "",
        "list,print,print-cache,print-disabled,print-token,plist,procinfo,hostinfo,resolveport,blame,dumpstate,dumpjpcategory,managerpid,manageruid,"
        "managername,error,variant,version,help,limit=,examine",
    ),
    "tmutil": Query(
        "-a -m -t -d:text -n -u -s -X -E -l --unsupported",
        "isexcluded<list,destinationinfo,help,listlocalsnapshots<list,listlocalsnapshotdates,compare<tree,listbackups,"
        "verifychecksums<tree,latestbackup,"
        "uniquesize<tree,machinedirectory,currentphase,status,calculatedrift<tree,version",
    ),
    "diskutil": Query(
        "-plist --plist", "list,info,information,activity,listFilesystems,apfs list,appleRAID list,coreStorage list,cs list,listfilesystems", "dash"
    ),
    "hdiutil": Query(
        "--plist --verbose --quiet",
        "info,imageinfo<read,isencrypted<read,plugins,fsid<read,checksum<read,pmap<read,udifderez<read,verify<read,help",
        "dash",
    ),
    "defaults": Query("--app:text -currentHost --currentHost", "read,read-type,domains,find,help", "dash", r"(?i)passw|token|secret|account"),
    "networksetup": Query("", r"-list*,-get*,-show*,-print*,-version,-help,-is*"),
    "security": Query(
        "-v -p:text -c:list -a -l:text -s:text -Z -d -q -L",
        "find-certificate,find-identity,verify-cert,dump-trust-settings,show-keychain-info,error,"
        "get-identity-preference,translocate-policy-check<list,translocate-status-check<list,translocate-original-path<list,"
        "requirement-evaluate,leaks,"
        "help,smartcards list",
    ),
    "dscl": Query("-q -raw -plist -url --plist", "read,list,search,readall,readpl", "dash", r"(?i)passw|shadow|authentication"),
    "nmcli": Query(
        "-t -p -f:text -m:text -g:text -c:text --terse --pretty --fields:text",
        "general status,device status,device show,device wifi list,connection show=,networking connectivity,radio all=,general "
        "hostname=,dev status,d=,con show=",
    ),
    "ufw": Query("", "status,show,version"),
    "minikube": Query("-o:text --output:text -p:text --profile:text", "status,version,ip,profile list,addons list,node list,service list"),
    "kind": Query("-q", "get clusters,get nodes,version"),
    "crictl": Query("-a -q -o:text", "ps,images,pods,info,version,stats,logs"),
    "heroku": Query(
        "-a:text --app:text --json -n:num --num:num",
        "apps=,apps:info=,ps=,releases=,addons=,regions=,status=,version=,domains=,buildpacks=,pipelines=,logs=",
    ),
    "doctl": Query(
        "-o:text --output:text --format:text --no-header",
        "compute droplet list,compute droplet get,account get=,kubernetes cluster list,projects list,version,compute region "
        "list,compute size list,compute image list",
    ),
}
for _other, _same in (
    ("podman", "docker"),
    ("nerdctl", "docker"),
    ("pip3", "pip"),
    ("pip2", "pip"),
    ("kubecolor", "kubectl"),
    ("oc", "kubectl"),
    ("mamba", "conda"),
):
    QUERIES[_other] = QUERIES[_same]
for _compose in ("docker-compose", "podman-compose"):
    QUERIES[_compose] = Query(_DOCKER, "ls,version,help")

# cloud command lines whose every long option is a parameter: the words of the operation say whether it asks
ASKS: Final = {
    "aws": r"(describe|list|get|batch-get|search|lookup|query|scan|filter|head|validate|estimate|preview|detect|simulate|test|admin-get|admin-list|"
    r"check)(-[a-z0-9-]+)?|wait|help",
    "az": r"list(-[a-z-]+)?|show(-[a-z-]+)?|get-(versions|instance-view|upgrades|default)|exists|version|check-name(-availability)?|query|"
    r"find|summary|tail|logs",
    "gcloud": r"list(-[a-z-]+)?|describe|get-iam-policy|get-value|info|version|read|search|get-server-config|get-health|tail|lookup|help|"
    r"get-ancestors",
}
CONFIDES: Final = {
    "aws": r"secretsmanager get-secret|secretsmanager batch-get|ssm get-parameter|sts "
    r"get-(session|federation|access)|get-login|get-authorization-token|kms (get-pub|get-parameters)|"
    r"get-password|get-(object|export|sdk|job-output|media|artifact|clip|images|layer-version|key-pair|random-password|documentation)|generate-|"
    r"configure (get|export)|sso |s3 (?!ls$)|s3api (?!list-buckets$)|codecommit get-(blob|file)|"
    r"lambda (get-function|list-(functions|versions|aliases))|"
    r"ecs describe-task-definition|codebuild batch-get-projects|"
    r"ec2 describe-(instance-attribute|launch-template-versions)|elasticbeanstalk describe-configuration|apprunner describe-service|"
    r"batch describe-job|amplify (get|list)-(app|branch)|glue get-connection|appsync list-api-keys|"
    r"sagemaker describe-(model|processing|training)|"
    r"cognito-identity get|"
    r"get-(id|open-id|credentials|token|role-credentials|secret|cluster-credentials|deployable)|workmail|lightsail (get-instance-access|download)|"
    r"rds (download|generate)|iot get-(credential|registration)|s3control|eks get-token|connect get-federation|apigateway "
    r"get-api-key|iam get-credential-report|"
    r"get-ssh|amplify get-artifact|test-|simulate-(?!(custom|principal)-policy)|get-dashboard-embed|get-shared-link|get-signing-key|"
    r"batch-get-secret|describe-secret-value",
    "az": r"secret (show|download|list-del)|keys? (list|show)|key "
    r"list|credential|token|password|connection-string|appsettings|publishing|list-keys|show-keys|"
    r"list-connection-strings|get-access-token|sas|login|certificate download|rest|kubeconfig|list-credentials|show-values|list-secrets|ssh|"
    r"containerapp|container show|functionapp config|webapp config",
    "gcloud": r"auth print|access|get-credentials|secrets versions access|sql export|functions call|sign|ssh|scp|kms "
    r"decrypt|functions (describe|list)|run (services|jobs|revisions) describe|print-|api-keys|service-accounts keys|generate|"
    r"auth (?!list$)|config config-helper",
}
